"""What puts zeros around sequences, images and volumes."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.convolutional.windows import as_pairs

__all__ = ["ZeroPadding"]


class ZeroPadding(Layer):
    """Adds zeros at both ends of each axis of the space; `rank` is their number."""

    rank: ClassVar[int]

    def __init__(self, padding: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padding = as_pairs(padding, self.rank, "padding")
        self.data_format = normalize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _first_axis(self) -> int:
        """The first axis of the space."""
        return 2 if self.data_format == "channels_first" else 1

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        sides = [side for pair in reversed(self.padding) for side in pair]
        if self.data_format == "channels_last":
            sides = [0, 0, *sides]
        return functional.pad(inputs, sides)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        shape = list(input_shape)
        for axis, (before, after) in enumerate(self.padding, self._first_axis):
            length = shape[axis]
            shape[axis] = None if length is None else length + before + after
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config = super().get_config()
        if self.rank == 1:
            return {**config, "padding": self.padding[0]}
        return {**config, "padding": self.padding, "data_format": self.data_format}
