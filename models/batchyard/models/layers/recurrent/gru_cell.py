"""The cell of GRU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, split

from batchyard.models import activations
from batchyard.models.layers.recurrent.cell import DropoutMasks, RecurrentCell, computes_plainly, pointwise
from batchyard.models.layers.recurrent.gru_sequence import gru
from batchyard.models.layers.registry import layers

__all__ = ["GRUCell", "fused_gru"]


@layers.register()
class GRUCell(RecurrentCell):
    """One step of a gated recurrent unit: gates z (update), r (reset), h (candidate).

    h = z * h + (1 - z) * activation(candidate); z and r are recurrent activations.

    Args:
        units: size of output and state.
        activation: name or function.
        recurrent_activation: of the gates z and r; name or function.
        use_bias: whether a bias is added.
        kernel_initializer: how the kernel (inputs, 3 * units) begins.
        recurrent_initializer: how the recurrent kernel (units, 3 * units) begins.
        bias_initializer: how the bias begins: (3 * units,), or (2, 3 * units) with `reset_after`.
        kernel_regularizer: its penalty is added to the loss.
        recurrent_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        kernel_constraint: holds after every update.
        recurrent_constraint: holds after every update.
        bias_constraint: holds after every update.
        dropout: part of the input that is dropped in training, the same at all steps.
        recurrent_dropout: part of the state that is dropped in training, the same at all steps.
        implementation: 1 draws dropout masks for each gate, 2 draws one for all; the rest is the same.
        reset_after: whether gate r acts after the product with the recurrent kernel (as CuDNN does it), or
            before.
        **kwargs: of every layer.

    Input shape:
        (batch, features), and the states [(batch, units)]

    Output shape:
        (batch, units), and the new states

    Source: Keras 2.2.4, `layers.GRUCell`; Cho et al. 2014.
    """

    gates = 3

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "hard_sigmoid",
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
        implementation: int = 1,
        reset_after: bool = False,
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
        self.reset_after = reset_after
        self._one_call = pointwise(self.recurrent_activation)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """The bias's shape: one for the input and one for the state with `reset_after`."""
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    @property
    def input_bias(self) -> Tensor | None:
        """The bias that the input's projection has."""
        return self.bias[0] if self.bias is not None and self.reset_after else self.bias

    def advance(
        self, projected: Tensor, states: Sequence[Tensor], masks: DropoutMasks
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes one step."""
        h, units = states[0], self.units
        x_gates, x_candidate = split(projected, [2 * units, units], 1)
        if self.reset_after:
            bias = None if self.bias is None else self.bias[1]
            inner_gates, inner = split(self.recur(h, masks, bias), [2 * units, units], 1)
            z, r = self._gates(x_gates + inner_gates)
            candidate = torch.addcmul(x_candidate, r, inner)
        else:
            left, right = split(self.recurrent_kernel, [2 * units, units], 1)
            drops = masks.states
            if drops is None:
                z, r = self._gates(torch.addmm(x_gates, h, left))
                candidate = torch.addmm(x_candidate, r * h, right)
            else:
                for_z, for_r, for_h = drops if len(drops) == 3 else drops * 3
                u_z, u_r = left.chunk(2, 1)
                z, r = self._gates(x_gates + torch.cat([(h * for_z) @ u_z, (h * for_r) @ u_r], 1))
                dropped = h * for_h
                candidate = torch.addmm(x_candidate, r * dropped, right)
        candidate = self.activation(candidate)
        output = torch.lerp(candidate.to(h.dtype), h, z.to(h.dtype))  # under autocast they differ
        return output, [output]

    def _gates(self, summed: Tensor) -> tuple[Tensor, Tensor]:
        if self._one_call:
            z, r = self.recurrent_activation(summed).chunk(2, 1)
        else:
            z, r = (self.recurrent_activation(gate) for gate in summed.chunk(2, 1))
        return z, r

    def fused(
        self, inputs: Tensor, states: Sequence[Tensor], masks: DropoutMasks, counts: Tensor | None
    ) -> tuple[Tensor, list[Tensor]] | None:
        """Computes a sequence at once, for tanh with sigmoid or hard_sigmoid.

        With `reset_after` and sigmoid torch's kernel does it, but for a CPU, where it has none.
        """
        hard = self.recurrent_activation is activations.hard_sigmoid
        if self.activation is not activations.tanh:
            return None
        if not hard and self.recurrent_activation is not activations.sigmoid:
            return None
        plain = counts is None and masks.drop_nothing
        ours = inputs.device.type == "cpu" and computes_plainly(inputs)
        if plain and not hard and self.reset_after and not ours:
            biases = [] if self.bias is None else list(self.bias.unbind(0))
            return fused_gru(inputs, states, self.kernel, self.recurrent_kernel, biases)
        if not computes_plainly(inputs):
            return None
        recurrent_bias = self.bias[1] if self.bias is not None and self.reset_after else None
        outputs, state = gru(
            inputs.transpose(0, 1),
            states[0],
            self.kernel,
            self.recurrent_kernel,
            self.input_bias,
            recurrent_bias,
            hard,
            self.reset_after,
            masks,
            counts,
        )
        return outputs.transpose(0, 1), [state]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "implementation": self.implementation,
            "reset_after": self.reset_after,
        }


def fused_gru(
    inputs: Tensor, states: Sequence[Tensor], kernel: Tensor, recurrent_kernel: Tensor, biases: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Computes a GRU with tanh, sigmoid and the reset after; Keras's gates are z, r, h, torch's r, z, h."""
    weights = [_reordered(weight.t()) for weight in (kernel, recurrent_kernel)]
    weights += [_reordered(bias) for bias in biases]
    outputs, state = torch.gru(inputs, states[0][None], weights, bool(biases), 1, 0.0, False, False, True)
    return outputs, [state[0]]


def _reordered(weight: Tensor) -> Tensor:
    z, r, h = weight.chunk(3, 0)
    return torch.cat([r, z, h])
