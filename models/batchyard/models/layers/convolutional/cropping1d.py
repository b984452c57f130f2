"""Cutting off the ends of one axis."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.cropping import Cropping
from batchyard.models.layers.registry import layers

__all__ = ["Cropping1D"]


@layers.register()
class Cropping1D(Cropping):
    """Takes away both ends of a sequence.

    Args:
        cropping: how many, or (before, after).
        **kwargs: of every layer.

    Input shape:
        (batch, steps, channels)

    Output shape:
        (batch, new steps, channels)

    Source: Keras 2.2.4, `layers.Cropping1D`.
    """

    rank = 1

    def __init__(
        self,
        cropping: int | tuple[int, int] = (1, 1),
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, "channels_last", **kwargs)
