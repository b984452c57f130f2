"""Inputs one after the other along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.symbolic_call import of_either
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import ShapeError
from batchyard.models.layers.merge.merge import check_masks, check_several
from batchyard.models.layers.registry import layers

__all__ = ["Concatenate"]


@layers.register()
class Concatenate(Layer):
    """Puts the inputs one after the other along an axis.

    Args:
        axis: along which; the last by default.
        **kwargs: of every layer.

    Input shape:
        a list of at least two shapes that differ along the axis only

    Output shape:
        the same, with the sizes along the axis added up

    Source: Keras 2.2.4, `layers.Concatenate`.
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Checks that the inputs fit."""
        check_several(self, input_shape)
        others = set()
        for shape in input_shape:
            sizes = list(shape)
            del sizes[self.axis]
            others.add(tuple(sizes))
        if len(others) > 1:
            raise ShapeError(
                f"Layer {self.name} needs inputs whose shapes differ along axis {self.axis} only. "
                f"Received: {input_shape}."
            )
        self.built = True

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Computes the output."""
        return torch.cat(tuple(inputs), dim=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Returns the first shape with the sizes along the axis added up."""
        check_several(self, input_shape)
        shape = list(input_shape[0])
        sizes = [one[self.axis] for one in input_shape]
        shape[self.axis] = None if None in sizes else sum(sizes)
        return tuple(shape)

    @of_either
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the masks one after the other; inputs without mask count in full."""
        masks = check_masks(self, inputs, mask)
        if all(one is None for one in masks):
            return None
        full = []
        for tensor, one in zip(inputs, masks, strict=True):
            if one is None or len(one.shape) < len(tensor.shape):
                everything = torch.ones_like(tensor, dtype=torch.bool)
                for _ in range(0 if one is None else len(tensor.shape) - len(one.shape)):
                    one = torch.unsqueeze(one, -1)
                one = everything if one is None else torch.logical_and(one, everything)
            full.append(one)
        return torch.all(torch.cat(full, dim=self.axis), -1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "axis": self.axis}
