"""What makes sequences, images and volumes larger."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.convolutional.windows import as_sizes

__all__ = ["UpSampling"]


class UpSampling(Layer):
    """Repeats each element along each axis of the space; `rank` is their number."""

    rank: ClassVar[int]

    def __init__(self, size: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = as_sizes(size, self.rank, "size")
        self.data_format = normalize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _first_axis(self) -> int:
        """The first axis of the space."""
        return 2 if self.data_format == "channels_first" else 1

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output: one copy, whatever the number of axes."""
        shape, repeated, output = [], [], []
        for axis, length in enumerate(inputs.shape):
            place = axis - self._first_axis
            times = self.size[place] if 0 <= place < self.rank else 1
            shape += [length, 1]
            repeated += [length, times]
            output.append(length * times)
        return inputs.reshape(shape).expand(repeated).reshape(output)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        shape = list(input_shape)
        for axis, times in enumerate(self.size, self._first_axis):
            length = shape[axis]
            shape[axis] = None if length is None else length * times
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config = super().get_config()
        if self.rank == 1:
            return {**config, "size": self.size[0]}
        return {**config, "size": self.size, "data_format": self.data_format}
