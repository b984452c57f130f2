"""The greatest value of each window of an image."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.pooling.pooling import MaxPooling
from batchyard.models.layers.registry import layers

__all__ = ["MaxPooling2D"]


@layers.register("MaxPool2D")
class MaxPooling2D(MaxPooling):
    """Takes the greatest value of each window of an image.

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

    Source: Keras 2.2.4, `layers.MaxPooling2D`.
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
