"""What transposed convolutions over two and three axes share."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models import activations
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.convolutional.convolution import Convolution
from batchyard.models.layers.convolutional.sliding import convolve_transposed, stored_by_filter
from batchyard.models.layers.convolutional.windows import as_sizes

__all__ = ["TransposedConvolution"]


class TransposedConvolution(Convolution):
    """Spreads each input over a window of the output: the gradient of a convolution, as a layer.

    Comes before `Conv2D` or `Conv3D` among the bases of a layer. Weights: the kernel (*kernel_size, filters,
    channels), the bias (filters,).
    """

    parts_into_groups = False
    #: What is added to the output's sizes; None for the smallest that the input's and the strides allow.
    output_padding: tuple[int, ...] | None

    def _set_output_padding(self, output_padding: Any) -> None:
        self.output_padding = None
        if output_padding is None:
            return
        sizes = output_padding if isinstance(output_padding, list | tuple) else [output_padding] * self.rank
        # Zeros are allowed here, so the sizes are checked one higher.
        padding = tuple(n - 1 for n in as_sizes([n + 1 for n in sizes], self.rank, "output_padding + 1"))
        if any(stride <= pad for stride, pad in zip(self.strides, padding, strict=True)):
            raise InvalidArgumentError(
                "output_padding must be below the strides. Received: "
                f"output_padding={padding}, strides={self.strides}."
            )
        self.output_padding = padding

    def _spread(self, size: int | None, axis: int) -> int | None:
        """Returns the output's size along an axis of the space."""
        if size is None:
            return None
        stride = self.strides[axis]
        window = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        if self.output_padding is not None:
            cut = 2 * (window // 2) if self.padding == "same" else 0
            return (size - 1) * stride + window - cut + self.output_padding[axis]
        return size * stride + (0 if self.padding == "same" else max(window - stride, 0))

    def build(self, input_shape: Shape) -> None:
        """Makes kernel and bias."""
        self.kernel = self.add_weight(
            "kernel",
            (*self.kernel_size, self.filters, self._channels(input_shape)),
            initializer=stored_by_filter(self.kernel_initializer),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = self._add_bias(self.filters)

    def call(self, inputs: Tensor) -> Any:
        """Computes the output."""
        relu = self.activation is activations.relu
        output = convolve_transposed(
            inputs,
            self.kernel,
            self.bias,
            self.strides,
            self.padding,
            self.dilation_rate,
            self.data_format == "channels_last",
            [size for size in self._output_space(tuple(inputs.shape)) if size is not None],
            relu,
        )
        return output if relu else self.activation(output)

    def _output_space(self, input_shape: Shape) -> list[int | None]:
        space = input_shape[2:] if self.data_format == "channels_first" else input_shape[1:-1]
        return [self._spread(size, axis) for axis, size in enumerate(space)]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "output_padding": self.output_padding}
