"""The same numbers in another shape."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import ShapeError
from batchyard.models.layers.registry import layers

__all__ = ["Reshape"]


@layers.register()
class Reshape(Layer):
    """Gives each row another shape.

    Args:
        target_shape: the shape without the batch axis; -1, at most once, stands for the size that is left.
        **kwargs: of every layer.

    Input shape:
        (batch, …)

    Output shape:
        (batch, *target_shape)

    Source: Keras 2.2.4, `layers.Reshape`.
    """

    def __init__(
        self,
        target_shape: Shape,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        shape = [inputs.shape[0], *(size or -1 for size in self.target_shape)]
        if not inputs.shape[0]:
            shape = [size or 0 for size in self.compute_output_shape(tuple(inputs.shape))]
        return inputs.reshape(shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the batch axis and the target shape."""
        sizes = [size for size in input_shape[1:] if size is not None]
        if len(sizes) < len(input_shape) - 1:
            return (input_shape[0], *(None if size == -1 else size for size in self.target_shape))
        whole = math.prod(sizes)
        known = math.prod(size for size in self.target_shape if size not in (-1, None))
        open_sizes = sum(size in (-1, None) for size in self.target_shape)
        if open_sizes > 1 or (whole % known if open_sizes and known else whole != known):
            raise ShapeError(
                f"Layer {self.name} cannot give rows of shape {input_shape[1:]} the shape "
                f"{self.target_shape}: {whole} numbers do not fill it. At most one size may be -1."
            )
        return (
            input_shape[0],
            *(whole // known if size in (-1, None) else size for size in self.target_shape),
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "target_shape": self.target_shape}
