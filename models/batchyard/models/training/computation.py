"""How a compiled model computes: in which precision, and whether through torch's compiler."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.engine.step_context import StepContext, current_step, set_traced_step
from batchyard.models.engine.symbolic import to_list, unpack_singleton
from batchyard.models.errors import InvalidArgumentError, MissingPackageError
from batchyard.models.training.loss_scale import LossScale
from batchyard.models.training.randomness import global_generators

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["Computation", "computation_of"]

_PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16}

#: How many shapes of a model the compiler may see before it gives up, which would change the bits.
_MOST_SHAPES = 1024


class Computation:
    """Computes a model's outputs, as `compile` was told.

    Args:
        mixed_precision: "bfloat16" or "float16" to compute the outputs so, by torch's autocast; weights,
            losses and updates stay in floatx. None for floatx throughout.
        jit_compile: whether outputs and losses go through `torch.compile`.

    Attributes:
        loss_scale: keeps gradients within float16's range; None for other precisions.

    Raises:
        InvalidArgumentError: for another precision.
    """

    def __init__(self, mixed_precision: str | None = None, jit_compile: bool = False) -> None:
        if mixed_precision is not None and mixed_precision not in _PRECISIONS:
            raise InvalidArgumentError(
                f"mixed_precision must be 'bfloat16', 'float16' or None. Received: {mixed_precision!r}."
            )
        self.mixed_precision = mixed_precision
        self.jit_compile = bool(jit_compile)
        self.loss_scale = LossScale() if mixed_precision == "float16" else None
        self._checked: set[str] = set()
        # Each shape is compiled on its own: with open sizes the bits would depend on which came first.
        self._forward = torch.compile(_forward, dynamic=False) if jit_compile else None

    def outputs(
        self, model: Model, inputs: Sequence[Tensor], masks_out: list[Tensor | None] | None = None
    ) -> list[Tensor]:
        """Computes a model's outputs, always as a list, in floatx.

        Args:
            model: built.
            inputs: one tensor per input.
            masks_out: a list to which the outputs' masks are appended.
        """
        if self.mixed_precision is None and self._forward is None:
            return model.compute_outputs(inputs, masks_out)
        device = inputs[0].device
        dtype = _PRECISIONS.get(self.mixed_precision or "")
        with nullcontext() if dtype is None else torch.autocast(device.type, dtype):
            if self._forward is None:
                outputs = model.compute_outputs(inputs, masks_out)
            else:
                self._check_compiler(device.type)
                with _many_shapes(), global_generators(device):
                    outputs = self._forward(model, list(inputs), masks_out, current_step())
        return [o.to(torch_dtype(None)) if o.dtype in _PRECISIONS.values() else o for o in outputs]

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that computes the same, through torch's compiler where that is asked for."""
        if not self.jit_compile:
            return function
        return torch.compile(function, dynamic=False)

    def _check_compiler(self, device: str) -> None:
        """Refuses to go on where torch's compiler lacks the compiler that it needs.

        Raises:
            MissingPackageError: naming it.
        """
        if device in self._checked:
            return
        compilers = [name for name in (os.environ.get("CXX"), *_COMPILERS) if name]
        if device == "cpu" and not any(map(shutil.which, compilers)):
            raise MissingPackageError(
                "compile(jit_compile=True) needs a C++ compiler on the machine that computes: expected one "
                f"of {', '.join(_COMPILERS)} on the PATH, or the environment variable CXX; found none. "
                "Install g++, or compile the model with jit_compile=False."
            )
        if device == "cuda" and importlib.util.find_spec("triton") is None:
            raise MissingPackageError(
                "compile(jit_compile=True) needs the package triton on a GPU, which is not installed. "
                "Install it, or compile the model with jit_compile=False."
            )
        self._checked.add(device)


_COMPILERS = ("g++", "clang++", "c++")

_PLAIN = Computation()


def computation_of(model: Model) -> Computation:
    """Returns how a model computes; in floatx, and eagerly, where it is not compiled."""
    found: Computation | None = model._computation
    return _PLAIN if found is None else found


def _forward(
    model: Model, inputs: list[Tensor], masks_out: list[Tensor | None] | None, context: StepContext | None
) -> list[Tensor]:
    """What torch's compiler traces."""
    set_traced_step(context)
    arguments = {} if masks_out is None else {"masks_out": masks_out}
    outputs = to_list(model(unpack_singleton(inputs), **arguments))
    set_traced_step(None)
    return outputs


def _many_shapes() -> Any:
    return torch._dynamo.config.patch(recompile_limit=_MOST_SHAPES, accumulated_recompile_limit=_MOST_SHAPES)
