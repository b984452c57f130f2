"""The axes in another order."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.registry import layers

__all__ = ["Permute"]


@layers.register()
class Permute(Layer):
    """Puts the axes into another order.

    Args:
        dims: the axes in their new order; the first after the batch is 1.
        **kwargs: of every layer.

    Input shape:
        (batch, …)

    Output shape:
        (batch, …), in the new order

    Source: Keras 2.2.4, `layers.Permute`.
    """

    def __init__(
        self,
        dims: Shape,
        **kwargs: Any,
    ) -> None:
        if sorted(n or 0 for n in dims) != list(range(1, len(dims) + 1)):
            raise InvalidArgumentError(
                f"dims must name each axis from 1 to {len(dims)} once. Received: {dims!r}."
            )
        super().__init__(**kwargs)
        self.dims = tuple(int(n or 0) for n in dims)
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        return inputs.permute(0, *self.dims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape in the new order."""
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "dims": self.dims}
