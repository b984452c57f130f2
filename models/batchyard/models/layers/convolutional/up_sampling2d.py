"""Larger inputs along two axes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.convolutional.up_sampling import UpSampling
from batchyard.models.layers.registry import layers

__all__ = ["UpSampling2D"]


@layers.register()
class UpSampling2D(UpSampling):
    """Makes images larger: repeats rows and columns, or draws lines between them.

    Args:
        size: how often, one number, or one per axis.
        data_format: where the channels are; the library's setting by default.
        interpolation: "nearest" repeats, "bilinear" draws straight lines from each element to the next.
        **kwargs: of every layer.

    Input shape:
        (batch, height, width, channels), or (batch, channels, height, width) for channels_first

    Output shape:
        (batch, new height, new width, channels), or (batch, channels, new height, new width)

    Source: Keras 2.2.4, `layers.UpSampling2D`.
    """

    rank = 2

    def __init__(
        self,
        size: int | tuple[int, int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        if interpolation not in ("nearest", "bilinear"):
            raise InvalidArgumentError(
                f"interpolation must be 'nearest' or 'bilinear'. Received: {interpolation!r}."
            )
        super().__init__(size, data_format, **kwargs)
        self.interpolation = interpolation

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        if self.interpolation == "nearest":
            return super().call(inputs)
        for axis, times in enumerate(self.size, self._first_axis):
            inputs = _draw_lines(inputs, axis, times)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "interpolation": self.interpolation}


def _draw_lines(x: Tensor, axis: int, times: int) -> Tensor:
    """Puts `times` - 1 elements between each and the next; the last one is repeated.

    The first element stays in its place, as in TensorFlow 1's resizing; torch's `interpolate` moves it.
    """
    following = torch.cat([x.narrow(axis, 1, x.shape[axis] - 1), x.narrow(axis, -1, 1)], axis)
    steps = [x + (following - x) * (step / times) for step in range(times)]
    return torch.stack(steps, axis + 1).flatten(axis, axis + 1)
