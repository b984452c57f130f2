"""Separable convolution over two axes."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.conv2d import Conv2D
from batchyard.models.layers.convolutional.separable_convolution import SeparableConvolution
from batchyard.models.layers.registry import layers

__all__ = ["SeparableConv2D"]


@layers.register("SeparableConvolution2D")
class SeparableConv2D(SeparableConvolution, Conv2D):
    """Slides filters over the single channels of images; then mixes the channels.

    Args:
        filters: size of the output's channel axis.
        kernel_size: height and width of the filters.
        strides: how far they move.
        padding: "valid", or "same" for an output as large as the input divided by the strides.
        data_format: where the channels are; the library's setting by default.
        dilation_rate: distance of a filter's elements.
        depth_multiplier: filters per channel in the first step.
        activation: name or function; none by default.
        use_bias: whether a bias is added.
        depthwise_initializer: how the first kernel (height, width, channels, depth_multiplier) begins.
        pointwise_initializer: how the second kernel (1, 1, channels * depth_multiplier, filters) begins.
        bias_initializer: how the bias (filters,) begins.
        depthwise_regularizer: its penalty is added to the loss.
        pointwise_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        depthwise_constraint: holds after every update.
        pointwise_constraint: holds after every update.
        bias_constraint: holds after every update.
        **kwargs: of every layer.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for channels_first

    Output shape:
        (batch, new height, new width, filters), or (batch, filters, new height, new width)

    Source: Keras 2.2.4, `layers.SeparableConv2D`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = (1, 1),
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self._set_kernels(
            depth_multiplier,
            depthwise_initializer,
            pointwise_initializer,
            depthwise_regularizer,
            pointwise_regularizer,
            depthwise_constraint,
            pointwise_constraint,
        )
