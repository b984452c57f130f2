"""Dropout for the activation selu."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers
from batchyard.models.training.randomness import random_bits16

__all__ = ["AlphaDropout"]

#: What selu comes near to for very negative inputs: -scale * alpha.
_LOWER_END = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


@layers.register()
class AlphaDropout(Layer):
    """Sets a random part of the input to the lower end of selu in training; keeps mean 0 and variance 1.

    The rate that acts is a multiple of 2^-16, as for `Dropout`.

    Args:
        rate: the part that is dropped.
        noise_shape: shape of the mask, None or 1 where it is the same along an axis; the input's shape by
            default.
        seed: accepted for Keras's sake; the numbers follow from the seed of `fit`.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.AlphaDropout`; Klambauer et al. 2017.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Shape | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self.supports_masking = True

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Computes the output."""
        dropped = round(self.rate * 65536)
        if not 0 < dropped < 65536 or not self.is_training(training):
            return inputs
        shape = tuple(inputs.shape)
        if self.noise_shape is not None:
            shape = tuple(n if m is None else m for m, n in zip(self.noise_shape, shape, strict=True))
        kept = random_bits16(shape, inputs.device) >= dropped - 32768
        rate = dropped / 65536
        scale = ((1 - rate) * (1 + rate * _LOWER_END**2)) ** -0.5
        shift = -scale * _LOWER_END * rate
        return torch.where(kept, inputs, _LOWER_END).mul(scale).add(shift)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}
