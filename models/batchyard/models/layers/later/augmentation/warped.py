"""What layers share that turn, move or stretch images at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.later.augmentation.augmentation import Augmentation
from batchyard.models.layers.later.augmentation.warping import check_filling, warp

__all__ = ["Warped"]


class Warped(Augmentation):
    """Looks up each image at other places, which `places` draws: see `warp`."""

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        check_filling(fill_mode, interpolation)
        super().__init__(data_format, seed, **kwargs)
        self.fill_mode = fill_mode
        self.interpolation = interpolation
        self.fill_value = fill_value

    def places(self, images: Tensor) -> Sequence[Tensor]:
        """Draws the six numbers of each image."""
        raise InvalidArgumentError(f"The class {type(self).__name__} does not say where it looks images up.")

    def augment(self, images: Tensor) -> Tensor:
        """Returns warped images."""
        found = self.places(images)
        return warp(images, found, self.fill_mode, self.interpolation, self.fill_value)

    def constants(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns a 0 and a 1 for each image."""
        return torch.zeros_like(images[:, 0, 0, 0]), torch.ones_like(images[:, 0, 0, 0])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "fill_mode": self.fill_mode,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }
