"""The mean of each channel of a whole image."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.layers.pooling.global_pooling import GlobalPooling
from batchyard.models.layers.registry import layers

__all__ = ["GlobalAveragePooling2D"]


@layers.register("GlobalAvgPool2D")
class GlobalAveragePooling2D(GlobalPooling):
    """Takes the mean of each channel over a whole image.

    Args:
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for channels_first

    Output shape:
        (batch, channels)

    Source: Keras 2.2.4, `layers.GlobalAveragePooling2D`.
    """

    rank = 2

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        return inputs.mean(self._space, keepdim=self.keepdims)
