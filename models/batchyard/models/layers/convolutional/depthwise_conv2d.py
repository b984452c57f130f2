"""Convolution of each channel by itself."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models import constraints, initializers, regularizers
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.layers.convolutional.conv2d import Conv2D
from batchyard.models.layers.convolutional.sliding import convolve_channels_apart, stored_by_filter
from batchyard.models.layers.registry import layers

__all__ = ["DepthwiseConv2D"]


@layers.register()
class DepthwiseConv2D(Conv2D):
    """Slides filters over the single channels of images.

    Args:
        kernel_size: height and width of the filters.
        strides: how far they move.
        padding: "valid", or "same" for an output as large as the input divided by the strides.
        depth_multiplier: filters per channel.
        data_format: where the channels are; the library's setting by default.
        activation: name or function; none by default.
        use_bias: whether a bias is added.
        depthwise_initializer: how the kernel (height, width, channels, depth_multiplier) begins.
        bias_initializer: how the bias (channels * depth_multiplier,) begins.
        depthwise_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        depthwise_constraint: holds after every update.
        bias_constraint: holds after every update.
        **kwargs: `dilation_rate`, distance of a filter's elements; and those of every layer.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for channels_first

    Output shape:
        (batch, new height, new width, channels * depth_multiplier), or the channels in front

    Source: Keras 2.2.4, `layers.DepthwiseConv2D`.
    """

    parts_into_groups = False
    depthwise_kernel: Weight

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            1,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.depth_multiplier = int(depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)

    def build(self, input_shape: Shape) -> None:
        """Makes kernel and bias."""
        channels = self._channels(input_shape)
        self.depthwise_kernel = self.add_weight(
            "depthwise_kernel",
            (*self.kernel_size, channels, self.depth_multiplier),
            initializer=stored_by_filter(self.depthwise_initializer, channels_apart=True),
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )
        self.bias = self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Tensor) -> Any:
        """Computes the output."""
        output = convolve_channels_apart(
            inputs,
            self.depthwise_kernel,
            self.bias,
            self.strides,
            self.padding,
            self.dilation_rate,
            self.data_format == "channels_last",
        )
        return self.activation(output)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        channels = input_shape[self._channel_axis]
        assert channels is not None  # `build` has refused that
        return self._output_shape(input_shape, channels * self.depth_multiplier)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config = super().get_config()
        for key in ("filters", "kernel_initializer", "kernel_regularizer", "kernel_constraint"):
            del config[key]
        return {
            **config,
            "depth_multiplier": self.depth_multiplier,
            "depthwise_initializer": initializers.serialize(self.depthwise_initializer),
            "depthwise_regularizer": regularizers.serialize(self.depthwise_regularizer),
            "depthwise_constraint": constraints.serialize(self.depthwise_constraint),
        }
