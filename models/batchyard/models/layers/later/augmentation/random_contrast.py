"""Images of more or less contrast."""

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

__all__ = ["RandomContrast"]


@layers.register()
class RandomContrast(Augmentation):
    """Multiplies in training what each element differs from the mean of its image's channel.

    Args:
        factor: by 1 - factor to 1 + factor; a pair (low, high) by 1 - low to 1 + high.
        value_range: between which the elements are cut.
        seed: accepted for Keras's sake; the numbers follow from the seed of `fit`.
        **kwargs: `data_format`, and those of every layer.

    Input shape:
        (batch, rows, columns, channels), or (batch, channels, rows, columns) for channels_first

    Output shape:
        that of the input

    Source: Keras 3, `layers.RandomContrast`.
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
        low, high = (factor, factor) if isinstance(factor, int | float) else factor
        self._between = as_range((1 - low, 1 + high), "factor", 0.0)
        self.value_range = tuple(value_range)

    def augment(self, images: Tensor) -> Tensor:
        """Returns images of other contrast."""
        factor = uniform(len(images), self._between, images).view(-1, 1, 1, 1)
        mean = images.mean((1, 2), keepdim=True)
        return ((images - mean) * factor + mean).clamp(*self.value_range)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}
