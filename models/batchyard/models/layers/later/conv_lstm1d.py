"""The LSTM on sequences of sequences."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional_recurrent.conv_lstm2d import ConvLSTM2D
from batchyard.models.layers.convolutional_recurrent.conv_lstm2d_cell import ConvLSTM2DCell
from batchyard.models.layers.registry import layers

__all__ = ["ConvLSTM1D"]


class ConvLSTM1DCell(ConvLSTM2DCell):
    """One step of `ConvLSTM1D`."""

    rank = 1


@layers.register()
class ConvLSTM1D(ConvLSTM2D):
    """An LSTM whose products are convolutions, run over a sequence of sequences.

    Args:
        filters: channels of output and states.
        kernel_size: one number.
        strides: of the input's convolution.
        dilation_rate: of the input's convolution.
        **kwargs: of `ConvLSTM2D`.

    Input shape:
        (batch, time, steps, channels), or (batch, time, channels, steps)

    Output shape:
        (batch, steps, filters), with `return_sequences` an axis of time behind the batch

    Source: Keras 3, `layers.ConvLSTM1D`; Shi et al. 2015.
    """

    rank = 1
    cell_class = ConvLSTM1DCell

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, dilation_rate: Any = 1, **kwargs: Any
    ) -> None:
        super().__init__(filters, kernel_size, strides=strides, dilation_rate=dilation_rate, **kwargs)
