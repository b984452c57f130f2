"""What the merge layers share: several inputs, broadcast to one shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.symbolic_call import of_either
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import GraphError, InvalidArgumentError, MaskingError, ShapeError

__all__ = ["Merge", "check_several"]


class Merge(Layer):
    """Merges tensors element by element. Subclasses say how, by `merge`.

    Inputs of fewer axes get axes of size 1 after the batch; axes of size 1 are repeated.

    Input shape:
        a list of at least two shapes that can be broadcast to one

    Output shape:
        that shape

    Source: Keras 2.2.4, `layers.merge`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Checks that the inputs can be merged."""
        self.compute_output_shape(input_shape)
        self.built = True

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Computes the output."""
        axes = max(tensor.ndim for tensor in inputs)
        return self.merge([_with_axes(tensor, axes) for tensor in inputs])

    def merge(self, inputs: Sequence[Tensor]) -> Tensor:
        """Merges tensors with equally many axes."""
        raise InvalidArgumentError(f"The class {type(self).__name__} does not say how it merges: no `merge`.")

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Returns the shape to which all inputs are broadcast."""
        check_several(self, input_shape)
        result: Shape = tuple(input_shape[0][1:])
        for shape in input_shape[1:]:
            result = _broadcast(result, tuple(shape[1:]), self.name)
        batches = {shape[0] for shape in input_shape} - {None}
        return (next(iter(batches)) if len(batches) == 1 else None, *result)

    @of_either
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns which steps count in all inputs that have a mask."""
        masks = check_masks(self, inputs, mask)
        found = [one for one in masks if one is not None]
        if not found:
            return None
        result = found[0]
        for one in found[1:]:
            result = torch.logical_and(result, one)
        return result


def check_several(layer: Layer, shapes: Any) -> None:
    """Refuses a single input, and inputs of different batch sizes."""
    if not isinstance(shapes, list) or len(shapes) < 2:
        raise GraphError(
            f"Layer {layer.name} merges at least two inputs. Received: the shape {shapes}. "
            "Call it on a list of tensors."
        )
    batches = {shape[0] for shape in shapes} - {None}
    if len(batches) > 1:
        raise ShapeError(f"Layer {layer.name} cannot merge batches of different sizes. Received: {shapes}.")


def check_masks(layer: Layer, inputs: Any, mask: Any) -> list[Any]:
    """Returns one mask or None per input."""
    if not isinstance(inputs, list | tuple):
        raise GraphError(f"Layer {layer.name} merges several inputs. Received: {inputs!r}.")
    if mask is None:
        return [None] * len(inputs)
    if not isinstance(mask, list | tuple) or len(mask) != len(inputs):
        raise MaskingError(f"Layer {layer.name} needs one mask, or None, per input. Received: {mask!r}.")
    return list(mask)


def _with_axes(tensor: Tensor, axes: int) -> Tensor:
    missing = axes - tensor.ndim
    if not missing:
        return tensor
    return torch.reshape(tensor, (tensor.shape[0], *[1] * missing, *tensor.shape[1:]))


def _broadcast(one: Shape, other: Shape, layer: str) -> Shape:
    """Returns the common shape of two, aligned at their ends."""
    if len(one) < len(other):
        one, other = other, one
    cut = len(one) - len(other)
    sizes: list[int | None] = list(one[:cut])
    for a, b in zip(one[cut:], other, strict=True):
        if a is None or b is None:
            sizes.append(None)
        elif a == b or 1 in (a, b):
            sizes.append(max(a, b) if 0 not in (a, b) else 0)
        else:
            raise ShapeError(
                f"Layer {layer} cannot merge inputs of these shapes (without the batch): {one} and {other}. "
                "Sizes must be equal, or one of them 1."
            )
    return tuple(sizes)
