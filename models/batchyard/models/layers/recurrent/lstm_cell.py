"""The cell of LSTM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models import activations
from batchyard.models.layers.recurrent.cell import DropoutMasks, RecurrentCell, computes_plainly, pointwise
from batchyard.models.layers.recurrent.lstm_sequence import lstm
from batchyard.models.layers.registry import layers

__all__ = ["LSTMCell", "fused_lstm"]


@layers.register()
class LSTMCell(RecurrentCell):
    """One step of long short-term memory: gates i, f, c, o from x · kernel + h · recurrent kernel + bias.

    c = f * c + i * activation(gate c); h = o * activation(c); i, f, o are recurrent activations.

    Args:
        units: size of output and states.
        activation: name or function.
        recurrent_activation: of the gates i, f, o; name or function.
        use_bias: whether a bias is added.
        kernel_initializer: how the kernel (inputs, 4 * units) begins.
        recurrent_initializer: how the recurrent kernel (units, 4 * units) begins.
        bias_initializer: how the bias (4 * units,) begins.
        unit_forget_bias: whether the bias of gate f begins with 1.
        kernel_regularizer: its penalty is added to the loss.
        recurrent_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        kernel_constraint: holds after every update.
        recurrent_constraint: holds after every update.
        bias_constraint: holds after every update.
        dropout: part of the input that is dropped in training, the same at all steps.
        recurrent_dropout: part of the state that is dropped in training, the same at all steps.
        implementation: 1 draws dropout masks for each gate, 2 draws one for all; the rest is the same.
        **kwargs: of every layer.

    Input shape:
        (batch, features), and the states [(batch, units), (batch, units)]: h and c

    Output shape:
        (batch, units), and the new states

    Source: Keras 2.2.4, `layers.LSTMCell`; Hochreiter and Schmidhuber 1997.
    """

    gates = 4

    def __init__(
        self,
        units: int,
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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        implementation: int = 1,
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
            implementation,
            **kwargs,
        )
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = (self.units, self.units)
        self._one_call = pointwise(self.recurrent_activation)

    def initial_bias(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """Returns what the bias begins with: 1 for gate f, if so asked."""
        value = torch.as_tensor(super().initial_bias(shape, dtype))
        if self.unit_forget_bias:
            value = value.clone()
            value[self.units : 2 * self.units] = 1
        return value

    def advance(
        self, projected: Tensor, states: Sequence[Tensor], masks: DropoutMasks
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes one step."""
        z = self.recur(states[0], masks, projected)
        if self._one_call:
            i, f, _, o = self.recurrent_activation(z).chunk(4, 1)
            g = z[:, 2 * self.units : 3 * self.units]
        else:
            i, f, g, o = z.chunk(4, 1)
            i, f, o = (self.recurrent_activation(gate) for gate in (i, f, o))
        c = torch.addcmul(f * states[1], i, self.activation(g))
        h = o * self.activation(c)
        return h, [h, c]

    def fused(
        self, inputs: Tensor, states: Sequence[Tensor], masks: DropoutMasks, counts: Tensor | None
    ) -> tuple[Tensor, list[Tensor]] | None:
        """Computes a sequence at once, for tanh with sigmoid (if plain by torch's kernel) or hard_sigmoid."""
        if self.activation is not activations.tanh:
            return None
        hard = self.recurrent_activation is activations.hard_sigmoid
        if not hard and self.recurrent_activation is not activations.sigmoid:
            return None
        if hard or counts is not None or not masks.drop_nothing:
            if not computes_plainly(inputs):
                return None
            h, c = states
            outputs, h, c = lstm(
                inputs.transpose(0, 1),
                h,
                c,
                self.kernel,
                self.recurrent_kernel,
                self.bias,
                hard,
                masks,
                counts,
            )
            return outputs.transpose(0, 1), [h, c]
        biases = [] if self.bias is None else [self.bias, torch.zeros_like(self.bias)]
        return fused_lstm(inputs, states, self.kernel, self.recurrent_kernel, biases)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
            "implementation": self.implementation,
        }


def fused_lstm(
    inputs: Tensor, states: Sequence[Tensor], kernel: Tensor, recurrent_kernel: Tensor, biases: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Computes an LSTM with tanh and sigmoid; torch's gates have the same order as Keras's."""
    outputs, h, c = torch.lstm(
        inputs,
        [states[0][None], states[1][None]],
        [kernel.t(), recurrent_kernel.t(), *biases],
        bool(biases),
        1,
        0.0,
        False,
        False,
        True,
    )
    return outputs, [h[0], c[0]]
