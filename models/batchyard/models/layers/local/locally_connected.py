"""What locally connected layers over one and two axes share."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from batchyard.models import activations, constraints, initializers, regularizers
from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.layers.convolutional.windows import as_sizes, check_padding, output_size

__all__ = ["LocallyConnected"]


class LocallyConnected(Layer):
    """A convolution whose filters differ from place to place; `rank` is the number of axes of the space.

    The arguments are those of `LocallyConnected2D`. Weights for implementation 1: the kernel (places, size of
    a window * channels, filters), the bias (*output space, filters). For implementation 2, which knows the
    padding "same" too, the kernel has an axis for each axis of input and output, channels and filters where
    the data format has them; its elements count only where input and output are connected.
    """

    rank: ClassVar[int]
    kernel: Weight
    bias: Weight | None
    connected: Tensor

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        implementation: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = int(filters)
        self.kernel_size = as_sizes(kernel_size, self.rank, "kernel_size")
        self.strides = as_sizes(strides, self.rank, "strides")
        self.padding = check_padding(padding)
        if implementation not in (1, 2):
            raise InvalidArgumentError(f"implementation must be 1 or 2. Received: {implementation!r}.")
        if implementation == 1 and self.padding != "valid":
            raise InvalidArgumentError(
                f"implementation 1 knows the padding 'valid' only. Received: {padding!r}. "
                "Use implementation=2."
            )
        self.data_format = normalize_data_format(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.implementation = implementation
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _first(self) -> bool:
        return self.data_format == "channels_first"

    def _spaces(self, input_shape: Shape) -> tuple[list[Any], list[Any]]:
        """Returns the sizes of the input's and of the output's space."""
        space = list(input_shape[2:] if self._first else input_shape[1:-1])
        output = [
            output_size(n, k, self.padding, s)
            for n, k, s in zip(space, self.kernel_size, self.strides, strict=True)
        ]
        return space, output

    def build(self, input_shape: Shape) -> None:
        """Makes kernel and bias."""
        channels: Any = input_shape[1 if self._first else -1]
        space, output = self._spaces(input_shape)
        if None in space or channels is None:
            raise ShapeError(
                f"Layer {self.name} needs an input of known shape, except for the batch. Received: "
                f"{input_shape}. Give the first layer a complete input_shape."
            )
        if self.implementation == 1:
            shape = [math.prod(output), math.prod(self.kernel_size) * channels, self.filters]
        elif self._first:
            shape = [channels, *space, self.filters, *output]
        else:
            shape = [*space, channels, *output, self.filters]
        self.kernel = self.add_weight(
            "kernel",
            shape,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias",
                [*output, self.filters],
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        if self.implementation == 2:
            self.register_buffer("connected", self._connected(space, output), persistent=False)
        axes = dict(enumerate(input_shape[1:], 1))
        self.input_spec = InputSpec(ndim=self.rank + 2, axes=axes)

    def _connected(self, space: list[int], output: list[int]) -> Tensor:
        """Returns ones where input and output are connected, in the kernel's order of axes."""
        ones = torch.ones(1, dtype=self.kernel.dtype)
        for axis, (n, m) in enumerate(zip(space, output, strict=True)):
            k, s = self.kernel_size[axis], self.strides[axis]
            before = max(0, (m - 1) * s + k - n) // 2 if self.padding == "same" else 0
            distance = torch.arange(n)[:, None] - torch.arange(m)[None, :] * s + before
            inside = ((distance >= 0) & (distance < k)).to(ones.dtype)
            ones = ones[..., None, None] * inside
        ones = ones.squeeze(0)  # in, out, in, out, …
        ones = ones.permute(*range(0, 2 * self.rank, 2), *range(1, 2 * self.rank, 2))
        if self._first:
            return ones.unsqueeze(self.rank).unsqueeze(0)
        return ones.unsqueeze(self.rank).unsqueeze(-1)

    def _windows(self, inputs: Tensor) -> Tensor:
        """Returns (places, batch, numbers of a window), in the order of the data format."""
        x = inputs
        for axis in range(self.rank):
            x = x.unfold(axis + (2 if self._first else 1), self.kernel_size[axis], self.strides[axis])
        # To (batch, *places, channels, *window) or (batch, *places, *window, channels).
        x = x.movedim(1, self.rank + 1) if self._first else x.movedim(self.rank + 1, -1)
        x = x.flatten(self.rank + 1).flatten(1, self.rank)
        return x.transpose(0, 1)

    def call(self, inputs: Tensor) -> Any:
        """Computes the output."""
        output = self._spaces(tuple(inputs.shape))[1]
        if self.implementation == 2:
            kernel = (self.kernel * self.connected).reshape(inputs[0].numel(), -1)
            shape = [self.filters, *output] if self._first else [*output, self.filters]
            x = (inputs.flatten(1) @ kernel).view(-1, *shape)
        else:
            x = torch.bmm(self._windows(inputs), self.kernel).transpose(0, 1)
            x = x.reshape(-1, *output, self.filters)
            if self._first:
                x = x.movedim(-1, 1)
        if self.bias is not None:
            # For channels_first Keras takes the numbers of the bias as they lie in memory, not transposed.
            x = x + (self.bias.reshape(self.filters, *output) if self._first else self.bias)
        return self.activation(x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        output = self._spaces(input_shape)[1]
        if self._first:
            return (input_shape[0], self.filters, *output)
        return (input_shape[0], *output, self.filters)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`; `implementation`, which is not Keras 2.2.4's, if it is 2."""
        config = {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
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
        if self.implementation != 1:
            config["implementation"] = self.implementation
        return config
