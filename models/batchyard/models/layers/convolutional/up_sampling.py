"""What makes sequences, images and volumes larger."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.convolutional.windows import as_sizes

__all__ = ["UpSampling"]

#: Up to this size torch's kernel, which finds a place's source by a product of floats, finds the right one.
_EXACT = 40


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
        if inputs.is_floating_point() and max(self.size) <= _EXACT:
            return self._by_kernel(inputs)
        shape, repeated, output = [], [], []
        for axis, length in enumerate(inputs.shape):
            place = axis - self._first_axis
            times = self.size[place] if 0 <= place < self.rank else 1
            shape += [length, 1]
            repeated += [length, times]
            output.append(length * times)
        return inputs.reshape(shape).expand(repeated).reshape(output)

    def _by_kernel(self, inputs: Tensor) -> Tensor:
        """Computes the output by a kernel of torch, whose backward pass is many times as fast as a sum."""
        last = self.data_format == "channels_last"
        x = inputs.movedim(-1, 1) if last else inputs
        if self.rank == 1:  # as images of one row: for these torch's kernel is fast with channels last
            x = functional.interpolate(x.unsqueeze(2), scale_factor=(1.0, float(self.size[0]))).squeeze(2)
        else:
            x = functional.interpolate(x, scale_factor=tuple(map(float, self.size)))
        return x.movedim(1, -1) if last else x

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
