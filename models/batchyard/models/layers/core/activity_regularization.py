"""A penalty on what passes."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers
from batchyard.models.regularizers import L1L2

__all__ = ["ActivityRegularization"]


@layers.register()
class ActivityRegularization(Layer):
    """Passes its input on, and adds a penalty on it to the loss.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.ActivityRegularization`.
    """

    def __init__(
        self,
        l1: float = 0.0,
        l2: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.l1 = l1
        self.l2 = l2
        self.activity_regularizer = L1L2(l1=l1, l2=l2)
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "l1": self.l1, "l2": self.l2}
