"""Images turned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.layers.later.augmentation.augmentation import Factor, as_given, as_range, uniform
from batchyard.models.layers.later.augmentation.warped import Warped
from batchyard.models.layers.registry import layers

__all__ = ["RandomRotation"]


@layers.register()
class RandomRotation(Warped):
    """Turns each image in training by an angle of its own.

    Args:
        factor: the greatest angle to either side, as part of a full turn; or the least and the greatest, of
            which positive ones turn against the clock.
        **kwargs: `fill_mode` ("reflect", "wrap", "constant" or "nearest": what comes from beyond the image),
            `fill_value`, `interpolation` ("bilinear" or "nearest"), `seed`, `data_format`, and those of every
            layer.

    Input shape:
        (batch, rows, columns, channels), or (batch, channels, rows, columns) for channels_first

    Output shape:
        that of the input

    Source: Keras 3, `layers.RandomRotation`.
    """

    def __init__(self, factor: Factor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = as_given(factor)
        self._between = as_range(factor, "factor")

    def places(self, images: Tensor) -> Sequence[Tensor]:
        """Draws angles."""
        angle = 2 * math.pi * uniform(len(images), self._between, images)
        sine, cosine = torch.sin(angle), torch.cos(angle)
        right, low = images.shape[2] - 1, images.shape[1] - 1
        x = (right - (cosine * right - sine * low)) / 2
        y = (low - (sine * right + cosine * low)) / 2
        return cosine, -sine, x, sine, cosine, y

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "factor": self.factor}
