"""Zeros around two axes."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.zero_padding import ZeroPadding
from batchyard.models.layers.registry import layers

__all__ = ["ZeroPadding2D"]


@layers.register()
class ZeroPadding2D(ZeroPadding):
    """Adds zeros at both ends of the rows and columns of images.

    Args:
        padding: how many: a number, one per axis, or a pair (before, after) per axis.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for channels_first

    Output shape:
        (batch, new height, new width, channels), or (batch, channels, new height, new width)

    Source: Keras 2.2.4, `layers.ZeroPadding2D`.
    """

    rank = 2

    def __init__(
        self,
        padding: int | tuple[int | tuple[int, int], int | tuple[int, int]] = (1, 1),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(padding, data_format, **kwargs)
