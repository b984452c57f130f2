"""Convolution of each channel of sequences by itself."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.depthwise_conv2d import DepthwiseConv2D
from batchyard.models.layers.registry import layers

__all__ = ["DepthwiseConv1D"]


@layers.register()
class DepthwiseConv1D(DepthwiseConv2D):
    """Slides filters over the single channels of sequences; the arguments are those of `DepthwiseConv2D`.

    Args:
        kernel_size: length of the filters.
        strides: how far they move.
        padding: "valid", "same", or "causal".
        dilation_rate: distance of a filter's elements.
        **kwargs: of `DepthwiseConv2D`.

    Input shape:
        (batch, steps, channels), or (batch, channels, steps) for channels_first

    Output shape:
        (batch, new steps, channels * depth_multiplier), or the channels in front

    Source: Keras 3, `layers.DepthwiseConv1D`.
    """

    rank = 1

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        dilation_rate: Any = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_size, strides, padding, dilation_rate=dilation_rate, **kwargs)
