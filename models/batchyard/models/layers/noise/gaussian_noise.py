"""Normal noise."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers
from batchyard.models.training.randomness import current_generator

__all__ = ["GaussianNoise"]


@layers.register()
class GaussianNoise(Layer):
    """Adds normal noise of mean 0 in training.

    Args:
        stddev: standard deviation of the noise.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.GaussianNoise`.
    """

    def __init__(
        self,
        stddev: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stddev = stddev
        self.supports_masking = True

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Computes the output."""
        if not self.is_training(training):
            return inputs
        noise = torch.empty_like(inputs).normal_(generator=current_generator(inputs.device))
        return inputs + noise.mul_(self.stddev)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "stddev": self.stddev}
