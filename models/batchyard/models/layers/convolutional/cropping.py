"""What cuts off the ends of sequences, images and volumes."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import ShapeError
from batchyard.models.layers.convolutional.windows import as_pairs

__all__ = ["Cropping"]


class Cropping(Layer):
    """Takes away elements at both ends of each axis of the space; `rank` is their number."""

    rank: ClassVar[int]

    def __init__(self, cropping: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cropping = as_pairs(cropping, self.rank, "cropping")
        self.data_format = normalize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _first_axis(self) -> int:
        """The first axis of the space."""
        return 2 if self.data_format == "channels_first" else 1

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output: a view."""
        for axis, (before, after) in enumerate(self.cropping, self._first_axis):
            inputs = inputs.narrow(axis, before, inputs.shape[axis] - before - after)
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        shape = list(input_shape)
        for axis, (before, after) in enumerate(self.cropping, self._first_axis):
            length = shape[axis]
            shape[axis] = None if length is None else length - before - after
            if length is not None and length < before + after:
                raise ShapeError(
                    f"Layer {self.name} would take away more than axis {axis} has: cropping={self.cropping}, "
                    f"input shape {input_shape}."
                )
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config = super().get_config()
        if self.rank == 1:
            return {**config, "cropping": self.cropping[0]}
        return {**config, "cropping": self.cropping, "data_format": self.data_format}
