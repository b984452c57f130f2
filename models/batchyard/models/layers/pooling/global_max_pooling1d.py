"""The greatest value of each channel of a whole sequence."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.layers.pooling.global_pooling import GlobalPooling
from batchyard.models.layers.registry import layers

__all__ = ["GlobalMaxPooling1D"]


@layers.register("GlobalMaxPool1D")
class GlobalMaxPooling1D(GlobalPooling):
    """Takes the greatest value of each channel over a whole sequence.

    Args:
        data_format: "channels_last" or "channels_first".
        **kwargs: of every layer.

    Input shape:
        (batch, steps, channels), or (batch, channels, steps) for channels_first

    Output shape:
        (batch, channels)

    Source: Keras 2.2.4, `layers.GlobalMaxPooling1D`.
    """

    rank = 1

    def __init__(self, data_format: str | None = "channels_last", **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        return inputs.amax(self._space, keepdim=self.keepdims)
