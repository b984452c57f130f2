"""What CuDNNGRU and CuDNNLSTM share: weights in CuDNN's layout, computed by torch's kernels anywhere."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from batchyard.models import constraints, initializers, regularizers
from batchyard.models.engine.symbolic import to_list
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError, MaskingError, ShapeError
from batchyard.models.layers.recurrent.rnn import RNN

__all__ = ["CuDNNRNN"]


@dataclass(frozen=True)
class _Cell:
    """What `RNN` needs to know of a cell; it is never called."""

    state_size: int | tuple[int, ...]
    call: None = None


class CuDNNRNN(RNN):
    """A recurrent layer with tanh and sigmoid whose bias has one part for the input and one for the state.

    Args:
        units: size of output and state.
        kernel_initializer: how the kernel (inputs, gates * units) begins.
        recurrent_initializer: how the recurrent kernel (units, gates * units) begins.
        bias_initializer: how the bias (2 * gates * units,) begins.
        kernel_regularizer: its penalty is added to the loss.
        recurrent_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        kernel_constraint: holds after every update.
        recurrent_constraint: holds after every update.
        bias_constraint: holds after every update.
        **kwargs: of `RNN`.
    """

    gates: int
    kernel: Weight
    recurrent_kernel: Weight
    bias: Weight

    def __init__(
        self,
        units: int,
        states: int,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        recurrent_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        kernel_constraint: Any,
        recurrent_constraint: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        if int(units) < 1:
            raise InvalidArgumentError(
                f"{type(self).__name__} needs at least one unit. Received: units={units!r}."
            )
        units = int(units)
        super().__init__(_Cell((units,) * states if states > 1 else units), **kwargs)
        self.units = units
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.supports_masking = False

    def build(self, input_shape: Any) -> None:
        """Makes the kernels and the bias."""
        super().build(input_shape)
        shape = input_shape[0] if isinstance(input_shape, list) else input_shape
        if shape[-1] is None:
            raise ShapeError(
                f"Layer {self.name} needs to know the size of its input's last axis. Full shape received: "
                f"{shape}."
            )
        self.kernel = self.add_weight(
            "kernel",
            (shape[-1], self.gates * self.units),
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
        self.bias = self.add_weight(
            "bias",
            (2 * self.gates * self.units,),
            initializer=self.initial_bias,
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )

    def initial_bias(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """Returns what the bias begins with."""
        return self.bias_initializer(tuple(shape), dtype=dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns no masks.

        Raises:
            MaskingError: if the input has one: CuDNN knows none.
        """
        if any(one is not None for one in to_list(mask)):
            raise MaskingError(
                f"Layer {self.name} does not support masks, but its input has one. Use "
                f"{type(self).__name__.removeprefix('CuDNN')} with recurrent_activation='sigmoid' for it."
            )
        return super().compute_mask(inputs, None)

    @abstractmethod
    def _kernel_run(
        self, x: Tensor, states: Sequence[Tensor], kernels: tuple[Tensor, Tensor], biases: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes the sequence by torch's kernel."""

    def _run(
        self,
        x: Tensor,
        states: list[Tensor],
        mask: Tensor | None,
        training: bool | None,
        constants: Sequence[Tensor],
    ) -> tuple[Tensor | None, Tensor, list[Tensor]]:
        biases = list(self.bias.chunk(2, 0))
        kernels = plain_kernels(self.kernel, self.recurrent_kernel, self.gates)
        outputs, last = self._kernel_run(x.flip(1) if self.go_backwards else x, states, kernels, biases)
        return outputs, outputs[:, -1], last

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config = super().get_config()
        config.pop("unroll")
        return config

    def _cell_config(self) -> dict[str, Any]:
        return {
            "units": self.units,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": initializers.serialize(self.recurrent_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "recurrent_regularizer": regularizers.serialize(self.recurrent_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "recurrent_constraint": constraints.serialize(self.recurrent_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


def plain_kernels(kernel: Tensor, recurrent_kernel: Tensor, gates: int) -> tuple[Tensor, Tensor]:
    """Returns the kernels as other recurrent layers have them: CuDNN keeps each gate's transposed in memory.

    Args:
        kernel: (inputs, gates * units).
        recurrent_kernel: (units, gates * units).
        gates: how many.
    """
    inputs, units = kernel.shape[0], recurrent_kernel.shape[0]
    parts = [part.reshape(units, inputs).t() for part in kernel.chunk(gates, 1)]
    return torch.cat(parts, 1), torch.cat([part.t() for part in recurrent_kernel.chunk(gates, 1)], 1)
