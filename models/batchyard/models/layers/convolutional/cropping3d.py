"""Cutting off the ends of three axes."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.cropping import Cropping
from batchyard.models.layers.registry import layers

__all__ = ["Cropping3D"]


@layers.register()
class Cropping3D(Cropping):
    """Takes away both ends of the three axes of volumes.

    Args:
        cropping: how many: a number, one per axis, or a pair (before, after) per axis.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, …) for channels_first

    Output shape:
        (batch, new depth, new height, new width, channels), or (batch, channels, new depth, …)

    Source: Keras 2.2.4, `layers.Cropping3D`.
    """

    rank = 3

    def __init__(
        self,
        cropping: int | tuple[int | tuple[int, int], ...] = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)
