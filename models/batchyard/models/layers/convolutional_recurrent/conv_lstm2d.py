"""The LSTM on sequences of images."""

from __future__ import annotations

from typing import Any, ClassVar

from batchyard.models.layers.convolutional_recurrent.conv_lstm2d_cell import ConvLSTM2DCell
from batchyard.models.layers.convolutional_recurrent.conv_rnn2d import ConvRNN2D
from batchyard.models.layers.recurrent.gated_rnn import GatedRNN, OfCell
from batchyard.models.layers.registry import layers

__all__ = ["ConvLSTM2D"]


@layers.register()
class ConvLSTM2D(GatedRNN, ConvRNN2D):
    """An LSTM whose products are convolutions, run over a sequence of images; see `ConvLSTM2DCell`.

    Args:
        filters: channels of output and states.
        kernel_size: one number or two.
        strides: of the input's convolution.
        padding: "valid" or "same", of the input's convolution.
        data_format: "channels_last" or "channels_first"; the library's setting by default.
        dilation_rate: of the input's convolution.
        activation: name or function.
        recurrent_activation: of the gates i, f, o; name or function.
        use_bias: whether a bias is added.
        kernel_initializer: how the kernel (*kernel_size, channels, 4 * filters) begins.
        recurrent_initializer: how the recurrent kernel (*kernel_size, filters, 4 * filters) begins.
        bias_initializer: how the bias (4 * filters,) begins.
        unit_forget_bias: whether the bias of gate f begins with 1.
        kernel_regularizer: its penalty is added to the loss.
        recurrent_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        kernel_constraint: holds after every update.
        recurrent_constraint: holds after every update.
        bias_constraint: holds after every update.
        return_sequences: whether the outputs of all time steps are returned, or the last one only.
        go_backwards: whether the time steps are taken from the last to the first.
        stateful: whether a batch begins with the states at which the batch before ended, row by row.
        dropout: part of the input that is dropped in training, for each gate, the same at all steps.
        recurrent_dropout: part of the state that is dropped in training, likewise.
        **kwargs: of every layer, and `return_state`.

    Input shape:
        (batch, time, rows, columns, channels), or (batch, time, channels, rows, columns)

    Output shape:
        (batch, rows, columns, filters), with `return_sequences` an axis of time behind the batch

    Source: Keras 2.2.4, `layers.ConvLSTM2D`; Shi et al. 2015.
    """

    cell_class: ClassVar[type[ConvLSTM2DCell]] = ConvLSTM2DCell
    filters = OfCell()
    kernel_size = OfCell()
    strides = OfCell()
    padding = OfCell()
    data_format = OfCell()
    dilation_rate = OfCell()
    recurrent_activation = OfCell()
    unit_forget_bias = OfCell()

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = "tanh",
        recurrent_activation: Any = "hard_sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        return_sequences: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        cell = self.cell_class(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            dtype=kwargs.get("dtype"),
        )
        super().__init__(
            cell,
            activity_regularizer=activity_regularizer,
            return_sequences=return_sequences,
            go_backwards=go_backwards,
            stateful=stateful,
            **kwargs,
        )
