"""All axes but the batch in one."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import ShapeError
from batchyard.models.layers.registry import layers

__all__ = ["Flatten"]


@layers.register()
class Flatten(Layer):
    """Puts all axes but the batch into one, in the order of channels_last.

    Args:
        data_format: "channels_first" if the input has its channels in front: they are moved to the end
            before; so weights fit models of both formats. "channels_last" (any order of axes) by default.
        **kwargs: of every layer.

    Input shape:
        (batch, …)

    Output shape:
        (batch, product of the other sizes)

    Source: Keras 2.2.4, `layers.Flatten`.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = "channels_last" if data_format is None else normalize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=3)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output: a view where the memory order allows it."""
        if self.data_format == "channels_first":
            inputs = inputs.movedim(1, -1)
        return inputs.reshape(inputs.shape[0], -1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns (batch, product)."""
        sizes = [size for size in input_shape[1:] if size is not None]
        if len(sizes) < len(input_shape) - 1:
            raise ShapeError(
                f"Layer {self.name} needs an input of known shape, except for the batch. Received: "
                f"{input_shape}. Give "
                "the first layer a complete input_shape."
            )
        return (input_shape[0], math.prod(sizes))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "data_format": self.data_format}
