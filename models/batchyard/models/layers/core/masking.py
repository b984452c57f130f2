"""Time steps to leave out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers

__all__ = ["Masking"]


@layers.register()
class Masking(Layer):
    """Masks the time steps in which all features equal one value; the layers after it leave them out.

    Args:
        mask_value: what marks a time step that does not count.
        **kwargs: of every layer.

    Input shape:
        (batch, time, …, features)

    Output shape:
        that of the input; masked steps are 0

    Source: Keras 2.2.4, `layers.Masking`.
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.mask_value = mask_value

    def compute_mask(self, inputs: Tensor, mask: Any = None) -> Tensor:
        """Returns True where a feature differs from the value."""
        return torch.any(torch.ne(inputs, self.mask_value), -1)  # of symbolic tensors too

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        return inputs * (inputs != self.mask_value).any(-1, keepdim=True).to(inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "mask_value": self.mask_value}
