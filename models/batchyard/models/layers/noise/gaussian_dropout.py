"""Dropout by normal factors."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers
from batchyard.models.training.randomness import current_generator

__all__ = ["GaussianDropout"]


@layers.register()
class GaussianDropout(Layer):
    """Multiplies by normal noise of mean 1 in training, with the variance that dropout of this rate has.

    Args:
        rate: of the dropout: the standard deviation is sqrt(rate / (1 - rate)).
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.GaussianDropout`; Srivastava et al. 2014.
    """

    def __init__(
        self,
        rate: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.supports_masking = True

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Computes the output."""
        if not 0 < self.rate < 1 or not self.is_training(training):
            return inputs
        noise = torch.empty_like(inputs).normal_(generator=current_generator(inputs.device))
        return inputs * noise.mul_(math.sqrt(self.rate / (1 - self.rate))).add_(1.0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "rate": self.rate}
