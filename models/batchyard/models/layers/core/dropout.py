"""Dropout."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.registry import layers
from batchyard.models.training.randomness import random_bits16

__all__ = ["Dropout"]


@layers.register()
class Dropout(Layer):
    """Sets a random part of the input to 0 in training, and scales up the rest to the same mean.

    An element costs 16 random bits, so the rate that acts is a multiple of 2^-16: at most 0.0000077 off.

    Args:
        rate: the part that is dropped, from 0 to below 1.
        noise_shape: shape of the mask, None or 1 where it is the same along an axis; the input's shape by
            default.
        seed: accepted for Keras's sake; the numbers follow from the seed of `fit`.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.Dropout`; Srivastava et al. 2014.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Shape | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rate = min(1.0, max(0.0, float(rate)))
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Refuses a rate with which nothing would be left.

        Raises:
            InvalidArgumentError: if the rate is 1 or more.
        """
        if self.rate == 1.0:
            raise InvalidArgumentError(
                f"{type(self).__name__} needs a rate below 1. Received: rate=1, which drops everything."
            )
        super().build(input_shape)

    def _mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if self.noise_shape is None:
            return shape
        return tuple(n if m is None else m for m, n in zip(self.noise_shape, shape, strict=True))

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Computes the output."""
        dropped = round(self.rate * 65536)
        if not dropped or not self.is_training(training):
            return inputs
        bits = random_bits16(self._mask_shape(tuple(inputs.shape)), inputs.device)
        kept = (bits >= dropped - 32768).to(inputs.dtype)
        return inputs * kept.mul_(65536 / (65536 - dropped))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "rate": self.rate,
            "noise_shape": self.noise_shape,
            "seed": self.seed,
        }
