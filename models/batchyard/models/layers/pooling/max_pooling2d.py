"""The greatest value of each window."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.convolutional.windows import as_sizes, check_padding, output_size, same_padding
from batchyard.models.layers.registry import layers

__all__ = ["MaxPooling2D"]


@layers.register("MaxPool2D")
class MaxPooling2D(Layer):
    """Takes the greatest value of each window of an image.

    Args:
        pool_size: height and width of the windows.
        strides: how far they move; the pool's size by default.
        padding: "valid", or "same" for an output as large as the input divided by the strides.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for channels_first

    Output shape:
        (batch, new height, new width, channels), or (batch, channels, new height, new width)

    Source: Keras 2.2.4, `layers.MaxPooling2D`.
    """

    def __init__(
        self,
        pool_size: int | tuple[int, int] = (2, 2),
        strides: int | tuple[int, int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = as_sizes(pool_size, 2, "pool_size")
        self.strides = self.pool_size if strides is None else as_sizes(strides, 2, "strides")
        self.padding = check_padding(padding)
        self.data_format = normalize_data_format(data_format)
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        last = self.data_format == "channels_last"
        x = inputs.permute(0, 3, 1, 2) if last else inputs
        if self.padding == "same":
            sides = [
                same_padding(n, k, s)
                for n, k, s in zip(x.shape[2:], self.pool_size, self.strides, strict=True)
            ]
            if any(side for pair in sides for side in pair):
                x = functional.pad(x, [*sides[1], *sides[0]], value=float("-inf"))
        x = functional.max_pool2d(x, self.pool_size, self.strides)
        return x.permute(0, 2, 3, 1) if last else x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        first = self.data_format == "channels_first"
        space = [
            output_size(n, k, self.padding, s)
            for n, k, s in zip(
                input_shape[2:] if first else input_shape[1:3], self.pool_size, self.strides, strict=True
            )
        ]
        if first:
            return (input_shape[0], input_shape[1], *space)
        return (input_shape[0], *space, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "padding": self.padding,
            "strides": self.strides,
            "data_format": self.data_format,
        }
