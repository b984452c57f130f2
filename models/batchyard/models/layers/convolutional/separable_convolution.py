"""What separable convolutions over one and two axes share."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models import activations, constraints, initializers, regularizers
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.layers.convolutional.convolution import Convolution
from batchyard.models.layers.convolutional.sliding import convolve, convolve_channels_apart, stored_by_filter
from batchyard.models.layers.convolutional.windows import check_padding

__all__ = ["SeparableConvolution"]


class SeparableConvolution(Convolution):
    """Slides filters over each channel by itself, then mixes the channels at each place.

    Comes before `Conv1D` or `Conv2D` among the bases of a layer. Weights: the depthwise kernel (*kernel_size,
    channels, depth_multiplier), the pointwise kernel (1, …, channels * depth_multiplier, filters), the bias
    (filters,).
    """

    parts_into_groups = False
    depthwise_kernel: Weight
    pointwise_kernel: Weight

    def _set_kernels(
        self,
        depth_multiplier: int,
        depthwise_initializer: Any,
        pointwise_initializer: Any,
        depthwise_regularizer: Any,
        pointwise_regularizer: Any,
        depthwise_constraint: Any,
        pointwise_constraint: Any,
    ) -> None:
        self.padding = check_padding(self.padding)  # not causal
        self.depth_multiplier = int(depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def build(self, input_shape: Shape) -> None:
        """Makes the two kernels and the bias."""
        channels = self._channels(input_shape)
        self.depthwise_kernel = self.add_weight(
            "depthwise_kernel",
            (*self.kernel_size, channels, self.depth_multiplier),
            initializer=stored_by_filter(self.depthwise_initializer, channels_apart=True),
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )
        self.pointwise_kernel = self.add_weight(
            "pointwise_kernel",
            (*[1] * self.rank, channels * self.depth_multiplier, self.filters),
            initializer=stored_by_filter(self.pointwise_initializer),
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
        )
        self.bias = self._add_bias(self.filters)

    def call(self, inputs: Tensor) -> Any:
        """Computes the output."""
        last = self.data_format == "channels_last"
        apart = convolve_channels_apart(
            inputs, self.depthwise_kernel, None, self.strides, self.padding, self.dilation_rate, last
        )
        ones = (1,) * self.rank
        relu = self.activation is activations.relu
        output = convolve(apart, self.pointwise_kernel, self.bias, ones, "valid", ones, last, relu)
        return output if relu else self.activation(output)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config = super().get_config()
        for key in ("kernel_initializer", "kernel_regularizer", "kernel_constraint"):
            del config[key]
        return {
            **config,
            "depth_multiplier": self.depth_multiplier,
            "depthwise_initializer": initializers.serialize(self.depthwise_initializer),
            "pointwise_initializer": initializers.serialize(self.pointwise_initializer),
            "depthwise_regularizer": regularizers.serialize(self.depthwise_regularizer),
            "pointwise_regularizer": regularizers.serialize(self.pointwise_regularizer),
            "depthwise_constraint": constraints.serialize(self.depthwise_constraint),
            "pointwise_constraint": constraints.serialize(self.pointwise_constraint),
        }
