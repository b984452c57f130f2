"""The rectifier that begins at a threshold."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from batchyard.models.backend.hyper_parameter import round_to_floatx
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers

__all__ = ["ThresholdedReLU"]


@layers.register()
class ThresholdedReLU(Layer):
    """x where above theta, else 0.

    Args:
        theta: the threshold.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.ThresholdedReLU`; Konda et al. 2014.
    """

    def __init__(
        self,
        theta: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.theta = round_to_floatx(theta)
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        return functional.threshold(inputs, self.theta, 0.0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "theta": self.theta}
