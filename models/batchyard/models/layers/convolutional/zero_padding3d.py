"""Zeros around three axes."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.zero_padding import ZeroPadding
from batchyard.models.layers.registry import layers

__all__ = ["ZeroPadding3D"]


@layers.register()
class ZeroPadding3D(ZeroPadding):
    """Adds zeros at both ends of the three axes of volumes.

    Args:
        padding: how many: a number, one per axis, or a pair (before, after) per axis.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, …) for channels_first

    Output shape:
        (batch, new depth, new height, new width, channels), or (batch, channels, new depth, …)

    Source: Keras 2.2.4, `layers.ZeroPadding3D`.
    """

    rank = 3

    def __init__(
        self,
        padding: int | tuple[int | tuple[int, int], ...] = (1, 1, 1),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(padding, data_format, **kwargs)
