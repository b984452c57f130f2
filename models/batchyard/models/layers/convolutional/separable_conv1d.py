"""Separable convolution over one axis."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.conv1d import Conv1D
from batchyard.models.layers.convolutional.separable_convolution import SeparableConvolution
from batchyard.models.layers.registry import layers

__all__ = ["SeparableConv1D"]


@layers.register("SeparableConvolution1D")
class SeparableConv1D(SeparableConvolution, Conv1D):
    """Slides filters over the single channels of sequences; then mixes the channels.

    Args:
        filters: size of the output's channel axis.
        kernel_size: length of the filters.
        strides: how far they move.
        padding: "valid", or "same" for an output as long as the input divided by the strides.
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance of a filter's elements.
        depth_multiplier: filters per channel in the first step.
        activation: name or function; none by default.
        use_bias: whether a bias is added.
        depthwise_initializer: how the first kernel (length, channels, depth_multiplier) begins.
        pointwise_initializer: how the second kernel (1, channels * depth_multiplier, filters) begins.
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
        (batch, steps, channels), or (batch, channels, steps) for channels_first

    Output shape:
        (batch, new steps, filters), or (batch, filters, new steps)

    Source: Keras 2.2.4, `layers.SeparableConv1D`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int],
        strides: int | tuple[int] = 1,
        padding: str = "valid",
        data_format: str | None = "channels_last",
        dilation_rate: int | tuple[int] = 1,
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
