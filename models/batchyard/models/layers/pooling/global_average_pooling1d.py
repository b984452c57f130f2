"""The mean of each channel of a whole sequence."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.layers.pooling.global_pooling import GlobalPooling
from batchyard.models.layers.registry import layers

__all__ = ["GlobalAveragePooling1D"]


@layers.register("GlobalAvgPool1D")
class GlobalAveragePooling1D(GlobalPooling):
    """Takes the mean of each channel over a whole sequence.

    Args:
        data_format: "channels_last" or "channels_first".
        **kwargs: of every layer.

    Input shape:
        (batch, steps, channels), or (batch, channels, steps) for channels_first

    Output shape:
        (batch, channels)

    Source: Keras 2.2.4, `layers.GlobalAveragePooling1D`.
    """

    rank = 1

    def __init__(self, data_format: str | None = "channels_last", **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Computes the output; steps that the mask leaves out do not count."""
        if mask is None:
            return inputs.mean(self._space, keepdim=self.keepdims)
        counted = mask.to(inputs.dtype).unsqueeze(1 if self.data_format == "channels_first" else -1)
        total = (inputs * counted).sum(self._space, keepdim=self.keepdims)
        return total / counted.sum(self._space, keepdim=self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Returns None: there are no steps any more."""
