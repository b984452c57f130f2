"""The layer that runs a convolutional cell over the time steps."""

from __future__ import annotations

from typing import Any, ClassVar

from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.convolutional.windows import output_size
from batchyard.models.layers.recurrent.rnn import RNN
from batchyard.models.layers.registry import layers

__all__ = ["ConvRNN2D"]


@layers.register()
class ConvRNN2D(RNN):
    """Runs a convolutional cell over a sequence of images.

    Args:
        cell: has, beside what `RNN` asks for, the attributes `filters`, `kernel_size`, `strides`, `padding`,
            `dilation_rate` and `data_format`.
        return_sequences: whether the outputs of all time steps are returned, or the last one only.
        return_state: whether the last states are returned as well, behind the output.
        go_backwards: whether the time steps are taken from the last to the first.
        stateful: whether a batch begins with the states at which the batch before ended, row by row.
        unroll: must be False.
        **kwargs: of every layer.

    Input shape:
        (batch, time, rows, columns, channels), or (batch, time, channels, rows, columns)

    Output shape:
        (batch, rows, columns, filters), with `return_sequences` an axis of time behind the batch

    Source: Keras 2.2.4, `layers.ConvRNN2D`.
    """

    #: Number of axes of the space.
    rank: ClassVar[int] = 2

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        **kwargs: Any,
    ) -> None:
        if unroll:
            raise InvalidArgumentError(
                "A convolutional recurrent layer cannot be unrolled: expected unroll=False."
            )
        if isinstance(cell, list | tuple):
            raise InvalidArgumentError(
                "Convolutional cells cannot be stacked: expected one cell, received several."
            )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )
        self.input_spec = [InputSpec(ndim=self.rank + 3)]

    def _step_output_shape(self, input_shape: Shape) -> Shape:
        cell = self.cell
        first = cell.data_format == "channels_first"
        space = input_shape[3:] if first else input_shape[2:-1]
        sizes = tuple(
            output_size(n, k, cell.padding, s, d)
            for n, k, s, d in zip(space, cell.kernel_size, cell.strides, cell.dilation_rate, strict=True)
        )
        return (cell.filters, *sizes) if first else (*sizes, cell.filters)

    def _state_shapes(self, input_shape: Shape) -> list[Shape]:
        return [self._step_output_shape(input_shape)] * len(self._state_sizes)
