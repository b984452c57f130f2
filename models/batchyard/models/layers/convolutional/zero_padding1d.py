"""Zeros around one axis."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.zero_padding import ZeroPadding
from batchyard.models.layers.registry import layers

__all__ = ["ZeroPadding1D"]


@layers.register()
class ZeroPadding1D(ZeroPadding):
    """Adds zeros at both ends of a sequence.

    Args:
        padding: how many, or (before, after).
        **kwargs: of every layer.

    Input shape:
        (batch, steps, channels)

    Output shape:
        (batch, new steps, channels)

    Source: Keras 2.2.4, `layers.ZeroPadding1D`.
    """

    rank = 1

    def __init__(
        self,
        padding: int | tuple[int, int] = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(padding, "channels_last", **kwargs)
