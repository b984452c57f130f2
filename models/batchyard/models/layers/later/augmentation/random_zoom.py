"""Images seen from nearer or from further away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from batchyard.models.layers.later.augmentation.augmentation import Factor, as_given, as_range, uniform
from batchyard.models.layers.later.augmentation.warped import Warped
from batchyard.models.layers.registry import layers

__all__ = ["RandomZoom"]


@layers.register()
class RandomZoom(Warped):
    """Shows of each image in training a larger part, with what lies beyond, or a smaller one.

    Args:
        height_factor: the greatest part of the height that is added or left out; or the least and the
            greatest part that is added.
        width_factor: likewise of the width; as much as of the height if not given.
        **kwargs: as of `RandomRotation`.

    Input shape:
        (batch, rows, columns, channels), or (batch, channels, rows, columns) for channels_first

    Output shape:
        that of the input

    Source: Keras 3, `layers.RandomZoom`.
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.height_factor = as_given(height_factor)
        self.width_factor = None if width_factor is None else as_given(width_factor)
        self._high = as_range(height_factor, "height_factor", -1.0)
        self._wide = None if width_factor is None else as_range(width_factor, "width_factor", -1.0)

    def places(self, images: Tensor) -> Sequence[Tensor]:
        """Draws how much larger the parts are."""
        zero, _ = self.constants(images)
        high = 1 + uniform(len(images), self._high, images)
        wide = high if self._wide is None else 1 + uniform(len(images), self._wide, images)
        right, low = images.shape[2] - 1, images.shape[1] - 1
        return wide, zero, right / 2 * (1 - wide), zero, high, low / 2 * (1 - high)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "height_factor": self.height_factor,
            "width_factor": self.width_factor,
        }
