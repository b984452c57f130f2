"""Convolution over two axes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models import activations, constraints, initializers, regularizers
from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.layers.convolutional.windows import as_sizes, check_padding, output_size, same_padding
from batchyard.models.layers.registry import layers

__all__ = ["Conv2D"]


@layers.register("Convolution2D")
class Conv2D(Layer):
    """Slides filters over images.

    Args:
        filters: size of the output's channel axis.
        kernel_size: height and width of the filters.
        strides: how far they move.
        padding: "valid", or "same" for an output as large as the input divided by the strides.
        data_format: where the channels are; the library's setting by default.
        dilation_rate: distance of a filter's elements.
        activation: name or function; none by default.
        use_bias: whether a bias is added.
        kernel_initializer: how the kernel (height, width, channels, filters) begins.
        bias_initializer: how the bias (filters,) begins.
        kernel_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        kernel_constraint: holds after every update.
        bias_constraint: holds after every update.
        **kwargs: of every layer.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for channels_first

    Output shape:
        (batch, new height, new width, filters), or (batch, filters, new height, new width)

    Source: Keras 2.2.4, `layers.Conv2D`.
    """

    kernel: Weight
    bias: Weight | None

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = int(filters)
        self.kernel_size = as_sizes(kernel_size, 2, "kernel_size")
        self.strides = as_sizes(strides, 2, "strides")
        self.padding = check_padding(padding)
        self.data_format = normalize_data_format(data_format)
        self.dilation_rate = as_sizes(dilation_rate, 2, "dilation_rate")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise InvalidArgumentError(
                "strides above 1 and a dilation_rate above 1 exclude each other. Received: "
                f"strides={self.strides}, "
                f"dilation_rate={self.dilation_rate}."
            )
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=4)

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else 3

    def build(self, input_shape: Shape) -> None:
        """Makes kernel and bias."""
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise ShapeError(
                f"Layer {self.name} needs to know the number of channels. Full shape received: {input_shape}."
            )
        self.kernel = self.add_weight(
            "kernel",
            (*self.kernel_size, channels, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias",
                (self.filters,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(ndim=4, axes={self._channel_axis: channels})

    def call(self, inputs: Tensor) -> Any:
        """Computes the output; inside, images are in torch's channels_last order, which is Keras's own."""
        last = self.data_format == "channels_last"
        x = inputs.permute(0, 3, 1, 2) if last else inputs
        kernel = self.kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
        padding: tuple[int, ...] = (0, 0)
        if self.padding == "same":
            sides = [
                same_padding(n, k, s, d)
                for n, k, s, d in zip(
                    x.shape[2:], self.kernel_size, self.strides, self.dilation_rate, strict=True
                )
            ]
            if all(before == after for before, after in sides):
                padding = tuple(before for before, _ in sides)
            else:
                x = functional.pad(x, [*sides[1], *sides[0]])
        x = functional.conv2d(x, kernel, self.bias, self.strides, padding, self.dilation_rate)
        return self.activation(x.permute(0, 2, 3, 1) if last else x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        first = self.data_format == "channels_first"
        space = [
            output_size(n, k, self.padding, s, d)
            for n, k, s, d in zip(
                input_shape[2:] if first else input_shape[1:3],
                self.kernel_size,
                self.strides,
                self.dilation_rate,
                strict=True,
            )
        ]
        if any(size is not None and size < 1 for size in space):
            raise ShapeError(
                f"The filters of layer {self.name} are larger than its input: "
                f"kernel_size={self.kernel_size}, "
                f"input shape {input_shape}. Use padding='same' or a smaller kernel_size."
            )
        batch = input_shape[0]
        return (batch, self.filters, *space) if first else (batch, *space, self.filters)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }
