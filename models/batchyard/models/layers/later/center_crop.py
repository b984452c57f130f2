"""The middle of images."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.later.resampling import as_image_sizes, cropped_to_ratio, resample
from batchyard.models.layers.registry import layers

__all__ = ["CenterCrop"]


@layers.register()
class CenterCrop(Layer):
    """Cuts the middle out of images; where they are too small, enlarges their middle of the same ratio.

    Args:
        height: of the output.
        width: of the output.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, rows, columns, channels), or (batch, channels, rows, columns) for channels_first

    Output shape:
        (batch, height, width, channels), or (batch, channels, height, width)

    Source: Keras 3, `layers.CenterCrop`.
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height, self.width = as_image_sizes(height, width, self.name)
        self.data_format = normalize_data_format(data_format)

    @property
    def _first_axis(self) -> int:
        return -2 if self.data_format == "channels_first" else -3

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        first = inputs.ndim + self._first_axis
        sizes = (self.height, self.width)
        lengths = inputs.shape[first : first + 2]
        if any(length < size for length, size in zip(lengths, sizes, strict=True)):
            return resample(cropped_to_ratio(inputs, sizes, first), sizes, "bilinear", first)
        for axis, size in enumerate(sizes, first):
            inputs = inputs.narrow(axis, (inputs.shape[axis] - size) // 2, size)
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        shape = list(input_shape)
        first = len(shape) + self._first_axis
        shape[first : first + 2] = [self.height, self.width]
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "height": self.height,
            "width": self.width,
            "data_format": self.data_format,
        }
