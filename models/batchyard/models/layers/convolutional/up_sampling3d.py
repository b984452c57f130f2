"""Larger inputs along three axes."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.up_sampling import UpSampling
from batchyard.models.layers.registry import layers

__all__ = ["UpSampling3D"]


@layers.register()
class UpSampling3D(UpSampling):
    """Repeats the planes, rows and columns of volumes.

    Args:
        size: how often, one number, or one per axis.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, …) for channels_first

    Output shape:
        (batch, new depth, new height, new width, channels), or (batch, channels, new depth, …)

    Source: Keras 2.2.4, `layers.UpSampling3D`.
    """

    rank = 3

    def __init__(
        self,
        size: int | tuple[int, int, int] = (2, 2, 2),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(size, data_format, **kwargs)
