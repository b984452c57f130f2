"""Larger images, as later versions of Keras draw them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.convolutional.up_sampling2d import UpSampling2D
from batchyard.models.layers.later.resampling import INTERPOLATIONS, resample
from batchyard.models.layers.registry import layers

__all__ = ["LaterUpSampling2D"]


@layers.register()
class LaterUpSampling2D(UpSampling2D):
    """Makes images larger as TensorFlow 2's `UpSampling2D`: places count from the elements' middles.

    Keras 2.2's bilinear `UpSampling2D` counts them from the first element, and gives other numbers.

    Args:
        size: how often, one number, or one per axis.
        data_format: where the channels are; the library's setting by default.
        interpolation: "nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian" or
            "mitchellcubic".
        **kwargs: of every layer.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for channels_first

    Output shape:
        (batch, new height, new width, channels), or (batch, channels, new height, new width)

    Source: Keras 3, `layers.UpSampling2D`, as on TensorFlow.
    """

    def __init__(
        self,
        size: int | tuple[int, int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "bilinear",
        **kwargs: Any,
    ) -> None:
        if interpolation not in INTERPOLATIONS:
            raise InvalidArgumentError(
                f"interpolation must be one of {', '.join(INTERPOLATIONS)}. Received: {interpolation!r}."
            )
        super().__init__(size, data_format, **kwargs)
        self.interpolation = interpolation

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        first = self._first_axis
        sizes = [inputs.shape[axis] * times for axis, times in enumerate(self.size, first)]
        return resample(inputs, sizes, self.interpolation, first)
