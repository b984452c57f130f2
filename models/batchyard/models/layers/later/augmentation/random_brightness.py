"""Brighter and darker images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from batchyard.models.layers.later.augmentation.augmentation import (
    Augmentation,
    Factor,
    as_given,
    as_range,
    uniform,
)
from batchyard.models.layers.registry import layers

__all__ = ["RandomBrightness"]


@layers.register()
class RandomBrightness(Augmentation):
    """Adds a number to each image in training.

    Args:
        factor: the greatest part of the range of values that is added or taken away; or the least and the
            greatest part that is added.
        value_range: between which the elements are cut.
        seed: accepted for Keras's sake; the numbers follow from the seed of `fit`.
        **kwargs: `data_format`, and those of every layer.

    Input shape:
        (batch, rows, columns, channels), or (batch, channels, rows, columns) for channels_first

    Output shape:
        that of the input

    Source: Keras 3, `layers.RandomBrightness`.
    """

    def __init__(
        self,
        factor: Factor,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = as_given(factor)
        self._between = as_range(factor, "factor", -1.0)
        self.value_range = tuple(value_range)

    def augment(self, images: Tensor) -> Tensor:
        """Returns images of other brightness."""
        low, high = self.value_range
        added = uniform(len(images), self._between, images).view(-1, 1, 1, 1) * (high - low)
        return (images + added).clamp(low, high)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}
