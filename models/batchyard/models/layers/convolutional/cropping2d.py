"""Cutting off the ends of two axes."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.cropping import Cropping
from batchyard.models.layers.registry import layers

__all__ = ["Cropping2D"]


@layers.register()
class Cropping2D(Cropping):
    """Takes away both ends of the rows and columns of images.

    Args:
        cropping: how many: a number, one per axis, or a pair (before, after) per axis.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for channels_first

    Output shape:
        (batch, new height, new width, channels), or (batch, channels, new height, new width)

    Source: Keras 2.2.4, `layers.Cropping2D`.
    """

    rank = 2

    def __init__(
        self,
        cropping: int | tuple[int | tuple[int, int], int | tuple[int, int]] = ((0, 0), (0, 0)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)
