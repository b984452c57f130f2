"""What convolutions over one, two and three axes share."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from batchyard.models import activations, constraints, initializers, regularizers
from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.layers.convolutional.sliding import convolve, stored_by_filter
from batchyard.models.layers.convolutional.windows import as_sizes, check_padding, output_size

__all__ = ["Convolution"]


class Convolution(Layer):
    """Slides filters over the space between the batch axis and the channels; `rank` is its number of axes.

    The arguments are those of `Conv2D`. Weights: the kernel (*kernel_size, channels, filters), the bias
    (filters,).
    """

    _only_reads = True
    rank: ClassVar[int]
    #: Whether the filters may be parted into groups.
    parts_into_groups: ClassVar[bool] = True
    kernel: Weight
    bias: Weight | None

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        groups: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = int(filters)
        self.kernel_size = as_sizes(kernel_size, self.rank, "kernel_size")
        self.strides = as_sizes(strides, self.rank, "strides")
        self.padding = check_padding(padding, causal=self.rank == 1)
        self.data_format = normalize_data_format(data_format)
        self.dilation_rate = as_sizes(dilation_rate, self.rank, "dilation_rate")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        #: Keras 2.3 and later: filter group number n sees the n-th part of the channels only.
        self.groups = int(groups)
        if self.groups < 1 or self.filters % self.groups or (groups > 1 and not self.parts_into_groups):
            expected = f"a divisor of filters={self.filters}" if self.parts_into_groups else "1"
            raise InvalidArgumentError(
                f"groups of {type(self).__name__} {self.name!r} must be {expected}. Received: {groups!r}."
            )

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else self.rank + 1

    def _channels(self, input_shape: Shape) -> int:
        """Returns the number of channels, and fixes it for the inputs to come."""
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise ShapeError(
                f"Layer {self.name} needs to know the number of channels. Full shape received: {input_shape}."
            )
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={self._channel_axis: channels})
        return channels

    def _add_bias(self, size: int) -> Weight | None:
        if not self.use_bias:
            return None
        return self.add_weight(
            "bias",
            (size,),
            initializer=self.bias_initializer,
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )

    def _output_space(self, input_shape: Shape) -> list[int | None]:
        """Returns the sizes of the output's axes between batch and channels."""
        first = self.data_format == "channels_first"
        space = [
            output_size(n, k, self.padding, s, d)
            for n, k, s, d in zip(
                input_shape[2:] if first else input_shape[1:-1],
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
        return space

    def _output_shape(self, input_shape: Shape, filters: int) -> Shape:
        space = self._output_space(input_shape)
        batch = input_shape[0]
        return (batch, filters, *space) if self._channel_axis == 1 else (batch, *space, filters)

    def build(self, input_shape: Shape) -> None:
        """Makes kernel and bias."""
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise InvalidArgumentError(
                "strides above 1 and a dilation_rate above 1 exclude each other. Received: "
                f"strides={self.strides}, dilation_rate={self.dilation_rate}."
            )
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ShapeError(
                f"Layer {self.name} has groups={self.groups}, which must divide the number of channels. Full "
                f"shape received: {input_shape}."
            )
        self.kernel = self.add_weight(
            "kernel",
            (*self.kernel_size, channels // self.groups, self.filters),
            initializer=stored_by_filter(self.kernel_initializer),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = self._add_bias(self.filters)

    def call(self, inputs: Tensor) -> Any:
        """Computes the output."""
        relu = self.activation is activations.relu
        output = convolve(
            inputs,
            self.kernel,
            self.bias,
            self.strides,
            self.padding,
            self.dilation_rate,
            self.data_format == "channels_last",
            relu,
        )
        return output if relu else self.activation(output)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        return self._output_shape(input_shape, self.filters)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`; `groups` only above 1, as Keras 2.2 has none."""
        return {
            **super().get_config(),
            **({"groups": self.groups} if self.groups > 1 else {}),
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
