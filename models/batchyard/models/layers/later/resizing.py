"""Images made larger or smaller."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.later.resampling import (
    INTERPOLATIONS,
    as_image_sizes,
    cropped_to_ratio,
    padded_to_ratio,
    resample,
)
from batchyard.models.layers.registry import layers

__all__ = ["Resizing"]


@layers.register()
class Resizing(Layer):
    """Makes images of the given height and width.

    Args:
        height: of the output.
        width: of the output.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian" or
            "mitchellcubic".
        crop_to_aspect_ratio: whether the largest middle part of the output's ratio is taken.
        pad_to_aspect_ratio: whether bars make the image have the output's ratio.
        fill_mode: "constant".
        fill_value: of the bars.
        antialias: whether smaller images are means over larger parts.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, rows, columns, channels), or (batch, channels, rows, columns) for channels_first

    Output shape:
        (batch, height, width, channels), or (batch, channels, height, width)

    Source: Keras 3, `layers.Resizing`, as on TensorFlow.
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        if interpolation not in INTERPOLATIONS or fill_mode != "constant":
            raise InvalidArgumentError(
                f"interpolation must be one of {', '.join(INTERPOLATIONS)}, and fill_mode 'constant'. "
                f"Received: {interpolation!r}, {fill_mode!r}."
            )
        super().__init__(**kwargs)
        self.height, self.width = as_image_sizes(height, width, self.name)
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = antialias
        self.data_format = normalize_data_format(data_format)

    @property
    def _first_axis(self) -> int:
        return -2 if self.data_format == "channels_first" else -3

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        sizes = (self.height, self.width)
        first = inputs.ndim + self._first_axis
        if self.crop_to_aspect_ratio:
            inputs = cropped_to_ratio(inputs, sizes, first)
        elif self.pad_to_aspect_ratio:
            inputs = padded_to_ratio(inputs, sizes, first, self.fill_value)
        return resample(inputs, sizes, self.interpolation, first, self.antialias)

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
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "antialias": self.antialias,
            "data_format": self.data_format,
        }
