"""Larger inputs along one axis."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.up_sampling import UpSampling
from batchyard.models.layers.registry import layers

__all__ = ["UpSampling1D"]


@layers.register()
class UpSampling1D(UpSampling):
    """Repeats each step of a sequence.

    Args:
        size: how often.
        **kwargs: of every layer.

    Input shape:
        (batch, steps, channels)

    Output shape:
        (batch, new steps, channels)

    Source: Keras 2.2.4, `layers.UpSampling1D`.
    """

    rank = 1

    def __init__(
        self,
        size: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(size, "channels_last", **kwargs)
