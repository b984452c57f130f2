"""The shape of a layer's output, found by running the layer on tensors without numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.backend.learning_phase import learning_phase_scope
from batchyard.models.engine.step_context import collecting
from batchyard.models.errors import ShapeError

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer

__all__ = ["TRIAL_SIZES", "infer_output_shape"]

#: What open sizes are set to in the two runs; sizes of the output that differ between them are open too.
TRIAL_SIZES = (2, 3)


def infer_output_shape(layer: Layer, input_shape: Any) -> Any:
    """Returns the shape of a built layer's output.

    Args:
        layer: whose `call` is run, twice, on torch's meta device (with zeros on the CPU where that fails).
        input_shape: a shape, or a list of them.
    """
    several = isinstance(input_shape, list)
    shapes = input_shape if several else [input_shape]
    first, second = (_run(layer, shapes, several, size) for size in TRIAL_SIZES)
    found = [
        tuple(a if a == b else None for a, b in zip(one, two, strict=True))
        for one, two in zip(first, second, strict=True)
    ]
    return found if len(found) > 1 else found[0]


def _run(layer: Layer, shapes: list[Any], several: bool, size: int) -> list[torch.Size]:
    concrete = [tuple(size if s is None else s for s in shape) for shape in shapes]
    try:
        return _call(layer, concrete, several, "meta")
    except (RuntimeError, NotImplementedError):
        # An operator without a meta kernel, or tensors that are no weights.
        try:
            return _call(layer, concrete, several, "cpu")
        except (RuntimeError, NotImplementedError) as error:
            raise ShapeError(
                f"The output shape of layer {layer.name} for inputs of shape {shapes} could not be found by "
                "running it: "
                f"{error} Give the layer a compute_output_shape method."
            ) from error


def _call(layer: Layer, shapes: list[Any], several: bool, device: str) -> list[torch.Size]:
    dtype = torch_dtype(layer.dtype)
    inputs: list[Tensor] = [torch.zeros(shape, dtype=dtype, device=device) for shape in shapes]
    weights = {name: weight.detach().to(device) for name, weight in layer.named_parameters()}
    with torch.no_grad(), learning_phase_scope(False), collecting():
        arguments = (inputs if several else inputs[0],)
        output = torch.func.functional_call(layer, weights, arguments)
    return [tensor.shape for tensor in (output if isinstance(output, list | tuple) else [output])]
