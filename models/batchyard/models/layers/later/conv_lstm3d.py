"""The LSTM on sequences of volumes."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional_recurrent.conv_lstm2d import ConvLSTM2D
from batchyard.models.layers.convolutional_recurrent.conv_lstm2d_cell import ConvLSTM2DCell
from batchyard.models.layers.registry import layers

__all__ = ["ConvLSTM3D"]


class ConvLSTM3DCell(ConvLSTM2DCell):
    """One step of `ConvLSTM3D`."""

    rank = 3


@layers.register()
class ConvLSTM3D(ConvLSTM2D):
    """An LSTM whose products are convolutions, run over a sequence of volumes.

    Args:
        filters: channels of output and states.
        kernel_size: one number or three.
        strides: of the input's convolution.
        dilation_rate: of the input's convolution.
        **kwargs: of `ConvLSTM2D`.

    Input shape:
        (batch, time, rows, columns, depth, channels), or (batch, time, channels, rows, columns, depth)

    Output shape:
        (batch, rows, columns, depth, filters), with `return_sequences` an axis of time behind the batch

    Source: Keras 3, `layers.ConvLSTM3D`; Shi et al. 2015.
    """

    rank = 3
    cell_class = ConvLSTM3DCell

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
        dilation_rate: Any = (1, 1, 1),
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, strides=strides, dilation_rate=dilation_rate, **kwargs)
