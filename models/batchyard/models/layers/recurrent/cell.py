"""What the cells of SimpleRNN, GRU and LSTM share: weights, dropout masks and the input's projection."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from batchyard.models import activations, constraints, initializers, regularizers
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.training.randomness import random_bits16

__all__ = ["DropoutMasks", "RecurrentCell", "computes_plainly", "draw_dropout_masks", "pointwise"]

#: Activations that act on each number alone, so that one call serves all gates.
_POINTWISE = ("sigmoid", "hard_sigmoid", "tanh", "relu", "linear", "elu", "selu", "softplus", "softsign")


class DropoutMasks(NamedTuple):
    """Factors that are the same for all steps of a sequence: one per gate, or one for all; None for none."""

    inputs: list[Tensor] | None
    states: list[Tensor] | None

    @property
    def drop_nothing(self) -> bool:
        """Whether there are none."""
        return self.inputs is None and self.states is None


class RecurrentCell(Layer):
    """One step of a recurrent layer of gates: activation(inputs · kernel + state · recurrent kernel + bias).

    Subclasses say what the gates do in `advance`. A whole sequence is projected at once by `project`.

    Args:
        units: size of output and state.
        activation: name or function.
        use_bias: whether a bias is added.
        kernel_initializer: how the kernel (inputs, gates * units) begins.
        recurrent_initializer: how the recurrent kernel (units, gates * units) begins.
        bias_initializer: how the bias begins.
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
    """

    #: How many parts the kernels have.
    gates: int
    kernel: Weight
    recurrent_kernel: Weight
    bias: Weight | None

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
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        if int(units) < 1:
            raise InvalidArgumentError(
                f"{type(self).__name__} needs at least one unit. Received: units={units!r}."
            )
        super().__init__(**kwargs)
        self.units = int(units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.implementation = implementation
        self.state_size: int | tuple[int, ...] = self.units
        self.output_size = self.units
        self._masks: DropoutMasks | None = None

    def build(self, input_shape: Shape) -> None:
        """Makes the kernels and the bias."""
        features = input_shape[-1]
        if features is None:
            raise ShapeError(
                f"Layer {self.name} needs to know the size of its input's last axis. Full shape received: "
                f"{input_shape}."
            )
        self.kernel = self.add_weight(
            "kernel",
            (features, self.gates * self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel",
            (self.units, self.gates * self.units),
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias",
                self.bias_shape,
                initializer=self.initial_bias,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """The bias's shape."""
        return (self.gates * self.units,)

    def initial_bias(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """Returns what the bias begins with."""
        return self.bias_initializer(tuple(shape), dtype=dtype)

    @property
    def input_bias(self) -> Tensor | None:
        """The bias that the input's projection has."""
        return self.bias

    def draw_masks(self, inputs: Tensor, training: bool | None = None) -> DropoutMasks:
        """Draws the dropout masks of a sequence.

        Args:
            inputs: of one step, (batch, features).
            training: whether anything is dropped; the learning phase by default.
        """
        if not (self.dropout or self.recurrent_dropout) or not self.is_training(training):
            return DropoutMasks(None, None)
        count = self.gates if self.implementation == 1 else 1
        return DropoutMasks(
            draw_dropout_masks(inputs, inputs.shape[-1], self.dropout, count),
            draw_dropout_masks(inputs, self.units, self.recurrent_dropout, count),
        )

    def forget_masks(self) -> None:
        """Makes `call` draw new dropout masks: a new sequence begins."""
        self._masks = None

    def project(self, inputs: Tensor, masks: DropoutMasks) -> Tensor:
        """Returns inputs · kernel + bias for all gates: (…, batch, gates * units)."""
        return _times(inputs, self.kernel, masks.inputs, self.gates, self.input_bias)

    def recur(self, state: Tensor, masks: DropoutMasks, addend: Tensor | None) -> Tensor:
        """Returns state · recurrent kernel for all gates, plus an addend."""
        if masks.states is None:
            if addend is None:
                return torch.mm(state, self.recurrent_kernel)
            return torch.addmm(addend, state, self.recurrent_kernel)
        product = _times(state, self.recurrent_kernel, masks.states, self.gates, None)
        return product if addend is None else product + addend

    @abstractmethod
    def advance(
        self, projected: Tensor, states: Sequence[Tensor], masks: DropoutMasks
    ) -> tuple[Tensor, list[Tensor]]:
        """Returns output and new states of one step, from the projected input."""

    def fused(
        self, inputs: Tensor, states: Sequence[Tensor], masks: DropoutMasks, counts: Tensor | None
    ) -> tuple[Tensor, list[Tensor]] | None:
        """Computes a whole sequence at once; None where the arguments don't allow it.

        Args:
            inputs: (batch, time, features).
            states: the initial ones.
            masks: of dropout.
            counts: (time, batch), False where a row is masked; None if all count.

        Returns:
            all outputs (batch, time, units), and the last states.
        """
        return None

    def call(
        self, inputs: Tensor, states: Sequence[Tensor], training: bool | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes one step: output and new states."""
        if self._masks is None:
            self._masks = self.draw_masks(inputs, training)
        return self.advance(self.project(inputs, self._masks), states, self._masks)

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Computes one step; the states may be given by position."""
        if args:
            kwargs["states"] = args[0]
        self.forget_masks()
        return super().__call__(inputs, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": initializers.serialize(self.recurrent_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "recurrent_regularizer": regularizers.serialize(self.recurrent_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "recurrent_constraint": constraints.serialize(self.recurrent_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
        }


def draw_dropout_masks(like: Tensor, features: int, rate: float, count: int) -> list[Tensor] | None:
    """Draws factors 0 and 1 / (1 - rate), or returns None where nothing is dropped.

    Args:
        like: of which batch size, further axes, dtype and device are taken.
        features: size of the last axis.
        rate: the part that is dropped, a multiple of 2^-16.
        count: how many masks.
    """
    dropped = round(rate * 65536)
    if not 0 < dropped < 65536:
        return None
    bits = random_bits16((count, *like.shape[:-1], features), like.device)
    kept = (bits >= dropped - 32768).to(like.dtype)
    return list(kept.mul_(65536 / (65536 - dropped)).unbind(0))


def computes_plainly(inputs: Tensor) -> bool:
    """Whether nobody looks into the computation: neither torch's compiler nor autocast."""
    return not torch.compiler.is_compiling() and not torch.is_autocast_enabled(inputs.device.type)


def pointwise(activation: Any) -> bool:
    """Whether an activation may be applied to all gates in one call."""
    return activation in [activations.get(name) for name in _POINTWISE]


def _times(
    inputs: Tensor, kernel: Tensor, masks: list[Tensor] | None, gates: int, bias: Tensor | None
) -> Tensor:
    if masks is not None and len(masks) > 1:
        parts = zip(masks, kernel.chunk(gates, 1), strict=True)
        product = torch.cat([torch.matmul(inputs * mask, part) for mask, part in parts], -1)
        return product if bias is None else product + bias
    if masks is not None:
        inputs = inputs * masks[0]
    flat = inputs.reshape(-1, inputs.shape[-1])
    product = torch.mm(flat, kernel) if bias is None else torch.addmm(bias, flat, kernel)
    return product.view(*inputs.shape[:-1], kernel.shape[1])
