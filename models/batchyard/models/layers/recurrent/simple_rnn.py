"""The simple recurrent layer."""

from __future__ import annotations

import warnings
from typing import Any

from batchyard.models.layers.recurrent.gated_rnn import GatedRNN
from batchyard.models.layers.recurrent.simple_rnn_cell import SimpleRNNCell
from batchyard.models.layers.registry import layers

__all__ = ["SimpleRNN"]


@layers.register()
class SimpleRNN(GatedRNN):
    """h = activation(x · kernel + h · recurrent kernel + bias), over the time steps.

    Without mask and dropout, tanh and relu are computed by torch's own kernel.

    Args:
        units: size of output and state.
        activation: name or function.
        use_bias: whether a bias is added.
        kernel_initializer: how the kernel (inputs, units) begins.
        recurrent_initializer: how the recurrent kernel (units, units) begins.
        bias_initializer: how the bias begins.
        kernel_regularizer: its penalty is added to the loss.
        recurrent_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        kernel_constraint: holds after every update.
        recurrent_constraint: holds after every update.
        bias_constraint: holds after every update.
        dropout: part of the input that is dropped in training, the same at all steps.
        recurrent_dropout: part of the state that is dropped in training, the same at all steps.
        return_sequences: whether the outputs of all time steps are returned, or the last one only.
        return_state: whether the last states are returned as well, behind the output.
        go_backwards: whether the time steps are taken from the last to the first.
        stateful: whether a batch begins with the states at which the batch before ended, row by row.
        unroll: accepted for Keras's sake: it changes only what stands in front of masked time steps.
        **kwargs: of every layer; `input_dim` and `input_length` instead of `input_shape`.

    Input shape:
        (batch, time, features); in a list with initial states, if such are given

    Output shape:
        (batch, units), with `return_sequences` (batch, time, units); with `return_state` a list: the output
        and each state (batch, units)

    Example:
        >>> SimpleRNN(4, return_sequences=True)(torch.ones(2, 3, 5)).shape
        torch.Size([2, 3, 4])

    Source: Keras 2.2.4, `layers.SimpleRNN`.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("implementation", None) is not None:
            warnings.warn(
                "SimpleRNN has one implementation only: its argument `implementation` is deprecated and does "
                "nothing.",
                UserWarning,
                stacklevel=2,
            )
        cell = SimpleRNNCell(
            units=units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
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
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )
