"""Images turned over."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.later.augmentation.augmentation import Augmentation, uniform
from batchyard.models.layers.registry import layers

__all__ = ["RandomFlip"]

_AXES = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (2, 1)}


@layers.register()
class RandomFlip(Augmentation):
    """Turns over every other image in training, drawn by lot.

    Args:
        mode: "horizontal" (left and right), "vertical", or "horizontal_and_vertical", by a lot each.
        seed: accepted for Keras's sake; the numbers follow from the seed of `fit`.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, rows, columns, channels), or (batch, channels, rows, columns) for channels_first

    Output shape:
        that of the input

    Source: Keras 3, `layers.RandomFlip`.
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        if mode not in _AXES:
            raise InvalidArgumentError(f"mode must be one of {', '.join(_AXES)}. Received: {mode!r}.")
        super().__init__(data_format, seed, **kwargs)
        self.mode = mode

    def augment(self, images: Tensor) -> Tensor:
        """Returns images of which some are turned over."""
        for axis in _AXES[self.mode]:
            turned = uniform(len(images), (0.0, 1.0), images) < 0.5
            images = torch.where(turned.view(-1, 1, 1, 1), images.flip(axis), images)
        return images

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "mode": self.mode}
