"""The cell of SimpleRNN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models import activations
from batchyard.models.layers.recurrent.cell import DropoutMasks, RecurrentCell, computes_plainly
from batchyard.models.layers.recurrent.simple_rnn_sequence import simple_rnn
from batchyard.models.layers.registry import layers

__all__ = ["SimpleRNNCell"]


@layers.register()
class SimpleRNNCell(RecurrentCell):
    """h = activation(x · kernel + h · recurrent kernel + bias).

    Args:
        units: size of output and state.
        activation: name or function.
        use_bias: whether a bias is added.
        kernel_initializer: how the kernel (inputs, units) begins.
        recurrent_initializer: how the recurrent kernel (units, units) begins.
        bias_initializer: how the bias (units,) begins.
        kernel_regularizer: its penalty is added to the loss.
        recurrent_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        kernel_constraint: holds after every update.
        recurrent_constraint: holds after every update.
        bias_constraint: holds after every update.
        dropout: part of the input that is dropped in training, the same at all steps.
        recurrent_dropout: part of the state that is dropped in training, the same at all steps.
        **kwargs: of every layer.

    Input shape:
        (batch, features), and the states [(batch, units)]

    Output shape:
        (batch, units), and the new states

    Source: Keras 2.2.4, `layers.SimpleRNNCell`.
    """

    gates = 1

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            dropout,
            recurrent_dropout,
            **kwargs,
        )

    def advance(
        self, projected: Tensor, states: Sequence[Tensor], masks: DropoutMasks
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes one step."""
        output = self.activation(self.recur(states[0], masks, projected))
        return output, [output]

    def fused(
        self, inputs: Tensor, states: Sequence[Tensor], masks: DropoutMasks, counts: Tensor | None
    ) -> tuple[Tensor, list[Tensor]] | None:
        """Computes a sequence at once, for tanh and relu; on a GPU by torch's kernel."""
        kernels = {activations.tanh: torch.rnn_tanh, activations.relu: torch.rnn_relu}
        kernel = kernels.get(self.activation)
        if kernel is None:
            return None
        plain = counts is None and masks.drop_nothing
        if computes_plainly(inputs) and (inputs.device.type == "cpu" or not plain):
            outputs, state = simple_rnn(
                inputs.transpose(0, 1),
                states[0],
                self.kernel,
                self.recurrent_kernel,
                self.bias,
                self.activation is activations.relu,
                masks,
                counts,
            )
            return outputs.transpose(0, 1), [state]
        if not plain:
            return None
        weights = [self.kernel.t(), self.recurrent_kernel.t()]
        if self.bias is not None:
            weights += [self.bias, torch.zeros_like(self.bias)]
        outputs, state = kernel(
            inputs, states[0][None], weights, self.bias is not None, 1, 0.0, False, False, True
        )
        return outputs, [state[0]]
