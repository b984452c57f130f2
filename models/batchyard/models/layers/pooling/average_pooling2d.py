"""The mean of each window of an image."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.pooling.pooling import AveragePooling
from batchyard.models.layers.registry import layers

__all__ = ["AveragePooling2D"]


@layers.register("AvgPool2D")
class AveragePooling2D(AveragePooling):
    """Takes the mean of each window of an image. What lies outside of the input does not count.

    Args:
        pool_size: height and width of the windows.
        strides: how far they move; the pool's size by default.
        padding: "valid", or "same" for an output as large as the input divided by the strides.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for channels_first

    Output shape:
        (batch, new height, new width, channels), or (batch, channels, new height, new width)

    Source: Keras 2.2.4, `layers.AveragePooling2D`.
    """

    rank = 2

    def __init__(
        self,
        pool_size: int | tuple[int, int] = (2, 2),
        strides: int | tuple[int, int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)
