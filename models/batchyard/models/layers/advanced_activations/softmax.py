"""Softmax as a layer."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.activations.functions import softmax
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers

__all__ = ["Softmax"]


@layers.register()
class Softmax(Layer):
    """exp(x), normalized to sum 1 along an axis.

    Args:
        axis: along which the sum is 1.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.Softmax`.
    """

    def __init__(
        self,
        axis: int = -1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        return softmax(inputs, self.axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "axis": self.axis}
