"""What layers share that change images in training and leave them alone in inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.training.randomness import current_generator

__all__ = ["Augmentation", "Factor", "as_given", "as_range", "uniform"]

#: A number, or a pair of the least and the greatest.
Factor = float | Sequence[float]


class Augmentation(Layer):
    """Changes images at random in training; in inference they stay as they are.

    Subclasses say how, by `augment`, of (batch, rows, columns, channels).
    """

    def __init__(self, data_format: str | None = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = normalize_data_format(data_format)
        self.seed = seed

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Computes the output."""
        if not self.is_training(training):
            return inputs
        if self.data_format == "channels_last":
            return self.augment(inputs)
        return self.augment(inputs.movedim(1, -1)).movedim(-1, 1)

    def augment(self, images: Tensor) -> Tensor:
        """Returns changed images."""
        raise InvalidArgumentError(f"The class {type(self).__name__} does not say how it changes images.")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "data_format": self.data_format, "seed": self.seed}


def as_given(factor: Factor) -> float | tuple[float, ...]:
    """Returns a factor as configurations keep it: lists as tuples."""
    return factor if isinstance(factor, int | float) else tuple(factor)


def as_range(factor: Factor, name: str, lowest: float | None = None) -> tuple[float, float]:
    """Returns the least and the greatest number that a factor allows.

    Args:
        factor: both numbers, or one that is the greatest, and whose negative is the least.
        name: of the argument, for the message.
        lowest: what the least must not be below.

    Raises:
        InvalidArgumentError: if it is something else.
    """
    low, high = (-factor, factor) if isinstance(factor, int | float) else tuple(factor)
    if low > high or (lowest is not None and low < lowest):
        raise InvalidArgumentError(
            f"{name} must be a number, or a pair of the least and the greatest"
            f"{'' if lowest is None else f', not below {lowest}'}. Received: {factor!r}."
        )
    return float(low), float(high)


def uniform(count: int, between: tuple[float, float], like: Tensor) -> Tensor:
    """Draws numbers, evenly distributed, on the device of a tensor."""
    low, high = between
    drawn = torch.rand(count, generator=current_generator(like.device), device=like.device)
    return (low + (high - low) * drawn).to(like.dtype)
