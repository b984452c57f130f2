"""The mean of each window of a volume."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.pooling.pooling import AveragePooling
from batchyard.models.layers.registry import layers

__all__ = ["AveragePooling3D"]


@layers.register("AvgPool3D")
class AveragePooling3D(AveragePooling):
    """Takes the mean of each window of a volume. What lies outside of the input does not count.

    Args:
        pool_size: depth, height and width of the windows.
        strides: how far they move; the pool's size by default.
        padding: "valid", or "same" for an output as large as the input divided by the strides.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, …) for channels_first

    Output shape:
        (batch, new depth, new height, new width, channels), or (batch, channels, new depth, …)

    Source: Keras 2.2.4, `layers.AveragePooling3D`.
    """

    rank = 3

    def __init__(
        self,
        pool_size: int | tuple[int, int, int] = (2, 2, 2),
        strides: int | tuple[int, int, int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)
