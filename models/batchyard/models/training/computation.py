"""How a compiled model computes: in which precision, and whether through torch's compiler."""

from __future__ import annotations

import importlib.util
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, cached_property
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

    def outputs(
        self, model: Model, inputs: Sequence[Tensor], masks_out: list[Tensor | None] | None = None
    ) -> list[Tensor]:
        """Computes a model's outputs, always as a list, in floatx.

        Args:
            model: built.
            inputs: one tensor per input.
            masks_out: a list to which the outputs' masks are appended.
        """
        if self.mixed_precision is None and not self.jit_compile:
            return model.compute_outputs(inputs, masks_out)
        device = inputs[0].device
        dtype = _PRECISIONS.get(self.mixed_precision or "")
        with nullcontext() if dtype is None else torch.autocast(device.type, dtype):
            if not self.jit_compile:
                outputs = model.compute_outputs(inputs, masks_out)
            else:
                self._check_compiler(device.type)
                with global_generators(device):
                    outputs = self._forward(model, list(inputs), masks_out, current_step())
        return [o.to(torch_dtype(None)) if o.dtype in _PRECISIONS.values() else o for o in outputs]

    def without_gradients(self) -> AbstractContextManager[Any]:
        """Returns the context in which to evaluate and predict.

        What torch's compiler has traced leaves tensors of inference mode behind, such as the states of
        recurrent layers, with which no training could go on.
        """
        return torch.no_grad() if self.jit_compile else torch.inference_mode()

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that computes the same, through torch's compiler where that is asked for.

        Each shape is compiled on its own: with open sizes the bits would depend on which shape came first.
        """
        if not self.jit_compile:
            return function
        _prepare_compiler()
        with _quiet():
            traced: Callable[..., Any] = torch.compile(function, dynamic=False)
        return traced

    @cached_property
    def _forward(self) -> Callable[..., list[Tensor]]:
        return self.compiled(_forward)

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


@cache
def _prepare_compiler() -> None:
    """Sets for the process what else had to be set around every call, which takes longer than a small step.

    Shapes are compiled up to a higher limit than torch's, behind which it would compute eagerly, other bits;
    and while it compiles, it is quiet.
    """
    config: Any = torch._dynamo.config
    for limit in ("recompile_limit", "accumulated_recompile_limit"):
        setattr(config, limit, max(getattr(config, limit), _MOST_SHAPES))
    from torch._dynamo.callback import callback_handler

    running: list[AbstractContextManager[None]] = []

    def begin(_: Any) -> None:
        running.append(_quiet())
        running[-1].__enter__()

    def end(_: Any) -> None:
        running.pop().__exit__(None, None, None)

    callback_handler.register_start_callback(begin)
    callback_handler.register_end_callback(end)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what the compiler says of torch itself, and of how it looks at tensors, from the user."""
    with warnings.catch_warnings():
        for message in (
            "`torch.jit.script_method` is deprecated",
            "The .grad attribute of a Tensor that is not",
        ):
            warnings.filterwarnings("ignore", message)
        yield
