"""Transposed convolution over one axis."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.layers.convolutional.conv1d import Conv1D
from batchyard.models.layers.convolutional.sliding import convolve_transposed
from batchyard.models.layers.convolutional.transposed_convolution import TransposedConvolution
from batchyard.models.layers.convolutional.windows import check_padding
from batchyard.models.layers.registry import layers

__all__ = ["Conv1DTranspose"]


@layers.register("Convolution1DTranspose")
class Conv1DTranspose(TransposedConvolution, Conv1D):
    """Spreads each element by filters over longer sequences.

    Args:
        filters: size of the output's channel axis.
        kernel_size: length of the filters.
        strides: how far they move.
        padding: "valid", or "same" for an output as long as the input times the strides.
        output_padding: added to the output's length, below the strides; the smallest length that gives the
            input back by convolution if not given.
        **kwargs: of `Conv1D`.

    Input shape:
        (batch, steps, channels), or (batch, channels, steps) for channels_first

    Output shape:
        (batch, new steps, filters), or (batch, filters, new steps)

    Source: Keras 3, `layers.Conv1DTranspose`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, strides, padding, **kwargs)
        self.padding = check_padding(self.padding)  # not causal
        self._set_output_padding(output_padding)

    def call(self, inputs: Tensor) -> Any:
        """Computes the output, as images of one row."""
        last = self.data_format == "channels_last"
        row = 1 if last else 2
        sizes = [size for size in self._output_space(tuple(inputs.shape)) if size is not None]
        output = convolve_transposed(
            inputs.unsqueeze(row),
            self.kernel.unsqueeze(0),
            self.bias,
            (1, *self.strides),
            self.padding,
            (1, *self.dilation_rate),
            last,
            [1, *sizes],
        )
        return self.activation(output.squeeze(row))
