"""The greatest value of each window of a sequence."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.pooling.pooling import MaxPooling
from batchyard.models.layers.registry import layers

__all__ = ["MaxPooling1D"]


@layers.register("MaxPool1D")
class MaxPooling1D(MaxPooling):
    """Takes the greatest value of each window of a sequence.

    Args:
        pool_size: length of the windows.
        strides: how far they move; the pool's size by default.
        padding: "valid", or "same" for an output as large as the input divided by the strides.
        data_format: "channels_last" or "channels_first".
        **kwargs: of every layer.

    Input shape:
        (batch, steps, channels), or (batch, channels, steps) for channels_first

    Output shape:
        (batch, new steps, channels), or (batch, channels, new steps)

    Source: Keras 2.2.4, `layers.MaxPooling1D`.
    """

    rank = 1

    def __init__(
        self,
        pool_size: int | tuple[int] = 2,
        strides: int | tuple[int] | None = None,
        padding: str = "valid",
        data_format: str | None = "channels_last",
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)
