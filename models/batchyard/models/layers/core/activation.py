"""An activation function as a layer."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models import activations
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers

__all__ = ["Activation"]


@layers.register()
class Activation(Layer):
    """Applies an activation function.

    Args:
        activation: name or function.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.Activation`.
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = True

    @property
    def is_relu(self) -> bool:
        """Whether the layer is the plain relu, which a layer before it can take along."""
        return self.activation is activations.relu

    def call(self, inputs: Tensor) -> Any:
        """Computes the output."""
        return self.activation(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "activation": activations.serialize(self.activation)}
