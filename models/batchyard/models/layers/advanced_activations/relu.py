"""The rectifier as a layer."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.activations.functions import relu
from batchyard.models.backend.hyper_parameter import round_to_floatx
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.registry import layers

__all__ = ["ReLU"]


@layers.register()
class ReLU(Layer):
    """x where at least the threshold, else negative_slope * (x - threshold); at most max_value.

    Args:
        max_value: the greatest output; none by default.
        negative_slope: the slope below the threshold.
        threshold: where the rectifier begins.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.ReLU`.
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        if max_value is not None and max_value < 0:
            raise InvalidArgumentError(f"max_value must not be negative. Received: {max_value!r}.")
        if negative_slope < 0:
            raise InvalidArgumentError(f"negative_slope must not be negative. Received: {negative_slope!r}.")
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else round_to_floatx(max_value)
        self.negative_slope = round_to_floatx(negative_slope)
        self.threshold = round_to_floatx(threshold)
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        return relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }
