"""The shape of a layer's output, found by running the layer on tensors without numbers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.backend.learning_phase import learning_phase_scope
from batchyard.models.engine.bindings import noting
from batchyard.models.engine.step_context import collecting
from batchyard.models.engine.structure import map_structure
from batchyard.models.engine.symbolic import SymbolicTensor, to_list
from batchyard.models.errors import ShapeError

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer

__all__ = ["LARGER_SIZES", "MOST_WITH_NUMBERS", "TRIAL_SIZES", "infer_output_shape"]

#: What open sizes are set to in the two runs; sizes of the output that differ between them are open too.
TRIAL_SIZES = (2, 3)
#: What is tried where those are too small, as for a window of 5 by 5 pixels.
LARGER_SIZES = ((24, 36), (240, 288))
#: The largest size for which tensors with numbers are made.
MOST_WITH_NUMBERS = 36


def infer_output_shape(
    layer: Layer,
    input_shape: Any,
    arguments: Mapping[str, Any] | None = None,
    captured: list[SymbolicTensor] | None = None,
) -> Any:
    """Returns the shape of a built layer's output.

    Args:
        layer: whose `call` is run, twice, on torch's meta device (with zeros on the CPU where that fails).
        input_shape: a shape, or a list of them.
        arguments: further keyword arguments of `call`, with symbolic tensors among them.
        captured: a list to which symbolic tensors are appended that the layer uses without being given them.
    """
    several = isinstance(input_shape, list)
    shapes = input_shape if several else [input_shape]
    trial = _Trial(layer, shapes, several, dict(arguments or {}))
    first, second = _shapes_of_trials(trial)
    if captured is not None:
        captured += trial.captured
    found = [
        tuple(a if a == b else None for a, b in zip(one, two, strict=True))
        for one, two in zip(first, second, strict=True)
    ]
    return found if len(found) > 1 else found[0]


def _shapes_of_trials(trial: _Trial) -> tuple[list[torch.Size], list[torch.Size]]:
    try:
        return trial.run(TRIAL_SIZES[0]), trial.run(TRIAL_SIZES[1])
    except ShapeError:
        if not any(None in shape for shape in trial.shapes):
            raise
        for one, other in LARGER_SIZES:
            with suppress(ShapeError):
                return trial.run(one), trial.run(other)
        raise


class _Trial:
    """Runs a layer to see shapes.

    Args:
        layer: built.
        shapes: of the inputs.
        several: whether the inputs come in a list.
        arguments: further keyword arguments.
    """

    def __init__(self, layer: Layer, shapes: list[Any], several: bool, arguments: dict[str, Any]) -> None:
        self.layer = layer
        self.shapes = shapes
        self.several = several
        self.arguments = arguments
        self.captured: list[SymbolicTensor] = []

    def run(self, size: int) -> list[torch.Size]:
        """Runs it with open sizes set to a number."""
        try:
            return self._call(size, "meta")
        except (RuntimeError, NotImplementedError, TypeError):
            # An operator without a meta kernel, or tensors that are no weights.
            try:
                return self._call(size, "cpu" if size <= MOST_WITH_NUMBERS else "meta")
            except (RuntimeError, NotImplementedError) as error:
                raise ShapeError(
                    f"The output shape of layer {self.layer.name} for inputs of shape {self.shapes} could "
                    f"not be found by running it: {error} Give the layer a compute_output_shape method."
                ) from error

    def _call(self, size: int, device: str) -> list[torch.Size]:
        def zeros(shape: Any, dtype: torch.dtype) -> Tensor:
            return torch.zeros([size if s is None else s for s in shape], dtype=dtype, device=device)

        def symbol(tensor: SymbolicTensor) -> Tensor:
            return zeros(tensor.shape, tensor.dtype)

        inputs = [zeros(shape, torch_dtype(self.layer.dtype)) for shape in self.shapes]
        tensors = (*self.layer.named_parameters(), *self.layer.named_buffers())
        weights = {name: tensor.detach().to(device) for name, tensor in tensors}
        arguments = map_structure(
            self.arguments, lambda leaf: symbol(leaf) if isinstance(leaf, SymbolicTensor) else leaf
        )
        with torch.no_grad(), learning_phase_scope(False), collecting(), noting(symbol) as bindings:
            given = (inputs if self.several else inputs[0],)
            output = torch.func.functional_call(self.layer, weights, given, arguments)
        self.captured = bindings.met
        return [tensor.shape for tensor in to_list(output)]
