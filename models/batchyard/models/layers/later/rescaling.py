"""A layer that multiplies and adds constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.layers.registry import layers

__all__ = ["Rescaling"]


@layers.register()
class Rescaling(Layer):
    """Computes inputs * scale + offset.

    Args:
        scale: a number, or a list with one per channel (last axis).
        offset: likewise.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        as the input's

    Example:
        >>> Rescaling(2.0, offset=1.0)(torch.ones(2))
        tensor([3., 3.])

    Source: Keras 3, `layers.Rescaling`.
    """

    def __init__(
        self, scale: float | Sequence[float], offset: float | Sequence[float] = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        scale, offset = (
            torch.as_tensor(value, dtype=inputs.dtype, device=inputs.device)
            for value in (self.scale, self.offset)
        )
        return inputs * scale + offset

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}
