"""Images moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from batchyard.models.layers.later.augmentation.augmentation import Factor, as_given, as_range, uniform
from batchyard.models.layers.later.augmentation.warped import Warped
from batchyard.models.layers.registry import layers

__all__ = ["RandomTranslation"]


@layers.register()
class RandomTranslation(Warped):
    """Moves each image in training by distances of its own.

    Args:
        height_factor: the greatest distance down and up, as part of the height; or the least and the greatest
            distance down.
        width_factor: likewise to the right and left.
        **kwargs: as of `RandomRotation`.

    Input shape:
        (batch, rows, columns, channels), or (batch, channels, rows, columns) for channels_first

    Output shape:
        that of the input

    Source: Keras 3, `layers.RandomTranslation`.
    """

    def __init__(self, height_factor: Factor, width_factor: Factor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height_factor = as_given(height_factor)
        self.width_factor = as_given(width_factor)
        self._down = as_range(height_factor, "height_factor", -1.0)
        self._right = as_range(width_factor, "width_factor", -1.0)

    def places(self, images: Tensor) -> Sequence[Tensor]:
        """Draws distances."""
        zero, one = self.constants(images)
        down = uniform(len(images), self._down, images) * images.shape[1]
        right = uniform(len(images), self._right, images) * images.shape[2]
        return one, zero, -right, zero, one, -down

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "height_factor": self.height_factor,
            "width_factor": self.width_factor,
        }
