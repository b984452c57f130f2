"""The exponential linear unit."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.activations.functions import elu
from batchyard.models.backend.hyper_parameter import round_to_floatx
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers

__all__ = ["ELU"]


@layers.register()
class ELU(Layer):
    """x where positive, else alpha * (exp(x) - 1).

    Args:
        alpha: what very negative inputs come near to, negated.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.ELU`; Clevert et al. 2015.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha = round_to_floatx(alpha)
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        return elu(inputs, self.alpha)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "alpha": self.alpha}
