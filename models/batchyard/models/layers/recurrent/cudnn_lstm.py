"""LSTM with CuDNN's layout of weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.layers.recurrent.cudnn_rnn import CuDNNRNN
from batchyard.models.layers.recurrent.lstm_cell import fused_lstm
from batchyard.models.layers.registry import layers

__all__ = ["CuDNNLSTM"]


@layers.register()
class CuDNNLSTM(CuDNNRNN):
    """LSTM as CuDNN computes it: tanh, sigmoid, two biases.

    It runs without a GPU too.

    Args:
        units: size of output and state.
        kernel_initializer: how the kernel (inputs, 4 * units) begins.
        recurrent_initializer: how the recurrent kernel (units, 4 * units) begins.
        bias_initializer: how the bias (8 * units,) begins.
        unit_forget_bias: whether the bias of gate f begins with 1.
        kernel_regularizer: its penalty is added to the loss.
        recurrent_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        kernel_constraint: holds after every update.
        recurrent_constraint: holds after every update.
        bias_constraint: holds after every update.
        return_sequences: whether the outputs of all time steps are returned, or the last one only.
        return_state: whether the last states are returned as well, behind the output.
        stateful: whether a batch begins with the states at which the batch before ended, row by row.
        **kwargs: of every layer, and `go_backwards`.

    Input shape:
        (batch, time, features); in a list with initial states, if such are given

    Output shape:
        (batch, units), with `return_sequences` (batch, time, units); with `return_state` a list: the output
        and each state (batch, units)

    Source: Keras 2.2.4, `layers.CuDNNLSTM`.
    """

    gates = 4

    def __init__(
        self,
        units: int,
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
        return_state: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            2,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            return_sequences=return_sequences,
            return_state=return_state,
            stateful=stateful,
            **kwargs,
        )
        self.unit_forget_bias = unit_forget_bias

    def initial_bias(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """Returns what the bias begins with: 1 for gate f of the second part, if so asked."""
        value = torch.as_tensor(super().initial_bias(shape, dtype))
        if self.unit_forget_bias:
            value = value.clone()
            value[5 * self.units : 6 * self.units] = 1
        return value

    def _cell_config(self) -> dict[str, Any]:
        return {**super()._cell_config(), "unit_forget_bias": self.unit_forget_bias}

    def _kernel_run(
        self, x: Tensor, states: Sequence[Tensor], kernels: tuple[Tensor, Tensor], biases: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        return fused_lstm(x, states, *kernels, biases)
