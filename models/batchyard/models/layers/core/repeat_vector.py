"""A vector repeated as a sequence."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers

__all__ = ["RepeatVector"]


@layers.register()
class RepeatVector(Layer):
    """Repeats the input `n` times.

    Args:
        n: how often.
        **kwargs: of every layer.

    Input shape:
        (batch, features)

    Output shape:
        (batch, n, features)

    Source: Keras 2.2.4, `layers.RepeatVector`.
    """

    def __init__(
        self,
        n: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        return inputs.unsqueeze(1).expand(-1, self.n, -1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns (batch, n, features)."""
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "n": self.n}
