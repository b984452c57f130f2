"""The cell of ConvLSTM2D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from batchyard.models import activations
from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import ShapeError
from batchyard.models.layers.convolutional.sliding import convolve
from batchyard.models.layers.convolutional.windows import as_sizes, check_padding, output_size
from batchyard.models.layers.recurrent.cell import DropoutMasks, RecurrentCell, draw_dropout_masks
from batchyard.models.layers.registry import layers

__all__ = ["ConvLSTM2DCell"]


@layers.register()
class ConvLSTM2DCell(RecurrentCell):
    """One step of an LSTM whose products are convolutions; see `LSTMCell`.

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
        kernel_constraint: holds after every update.
        recurrent_constraint: holds after every update.
        bias_constraint: holds after every update.
        dropout: part of the input that is dropped in training, for each gate, the same at all steps.
        recurrent_dropout: part of the state that is dropped in training, likewise.
        **kwargs: of every layer.

    Source: Keras 2.2.4, `layers.ConvLSTM2DCell`; Shi et al. 2015.
    """

    gates = 4
    #: Number of axes of the space.
    rank: ClassVar[int] = 2

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
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
        self.filters = self.units
        self.kernel_size = as_sizes(kernel_size, self.rank, "kernel_size")
        self.strides = as_sizes(strides, self.rank, "strides")
        self.padding = check_padding(padding)
        self.data_format = normalize_data_format(data_format)
        self.dilation_rate = as_sizes(dilation_rate, self.rank, "dilation_rate")
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = (self.filters, self.filters)

    @property
    def _channels(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def build(self, input_shape: Shape) -> None:
        """Makes the kernels and the bias."""
        channels = input_shape[self._channels]
        if channels is None:
            raise ShapeError(
                f"Layer {self.name} needs to know its input's channels. Full shape received: {input_shape}."
            )
        for name, size in (("kernel", channels), ("recurrent_kernel", self.filters)):
            part = name.split("_")[0]
            weight = self.add_weight(
                name,
                (*self.kernel_size, size, 4 * self.filters),
                initializer=getattr(self, f"{part}_initializer"),
                regularizer=getattr(self, f"{part}_regularizer"),
                constraint=getattr(self, f"{part}_constraint"),
            )
            setattr(self, name, weight)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias",
                self.bias_shape,
                initializer=self.initial_bias,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def initial_bias(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """Returns what the bias begins with: 1 for gate f, if so asked."""
        value = torch.as_tensor(super().initial_bias(shape, dtype))
        if self.unit_forget_bias:
            value = value.clone()
            value[self.filters : 2 * self.filters] = 1
        return value

    def draw_masks(self, inputs: Tensor, training: bool | None = None) -> DropoutMasks:
        """Draws the dropout masks of a sequence, one per gate."""
        if not (self.dropout or self.recurrent_dropout) or not self.is_training(training):
            return DropoutMasks(None, None)
        first = self.data_format == "channels_first"
        space = inputs.shape[2:] if first else inputs.shape[1:-1]
        sizes = [
            output_size(n, k, self.padding, s, d) or 0
            for n, k, s, d in zip(space, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        ]
        state = (self.filters, *sizes) if first else (*sizes, self.filters)
        like = inputs.new_empty((inputs.shape[0], *state))
        return DropoutMasks(
            draw_dropout_masks(inputs, inputs.shape[-1], self.dropout, 4),
            draw_dropout_masks(like, state[-1], self.recurrent_dropout, 4),
        )

    def project(self, inputs: Tensor, masks: DropoutMasks) -> Tensor:
        """Convolves the input for all gates: (…, batch, rows, columns, channels)."""
        leading = inputs.shape[: -self.rank - 1]
        masked = [inputs] if masks.inputs is None else [inputs * mask for mask in masks.inputs]
        found = self._convolve(
            [one.flatten(0, -self.rank - 2) for one in masked],
            self.kernel,
            self.bias,
            self.strides,
            self.padding,
            self.dilation_rate,
        )
        return found.reshape(*leading, *found.shape[1:])

    def _convolve(
        self,
        inputs: list[Tensor],
        kernel: Tensor,
        bias: Tensor | None,
        strides: Sequence[int],
        padding: str,
        dilation: Sequence[int],
    ) -> Tensor:
        """Convolves one input for all gates, or one for each."""
        count, last = len(inputs), self.data_format == "channels_last"
        kernels = kernel.chunk(count, -1)
        biases: Sequence[Tensor | None] = [None] * count if bias is None else bias.chunk(count)
        parts = [
            convolve(x, part, add, strides, padding, dilation, last)
            for x, part, add in zip(inputs, kernels, biases, strict=True)
        ]
        return parts[0] if count == 1 else torch.cat(parts, self._channels)

    def input_conv(self, x: Tensor, w: Tensor, b: Tensor | None = None, padding: str = "valid") -> Tensor:
        """Convolves an input with a kernel, with the cell's strides and dilation."""
        return self._convolve([x], w, b, self.strides, padding, self.dilation_rate)

    def recurrent_conv(self, x: Tensor, w: Tensor) -> Tensor:
        """Convolves a state with a kernel; the size stays."""
        ones = (1,) * self.rank
        return self._convolve([x], w, None, ones, "same", ones)

    def advance(
        self, projected: Tensor, states: Sequence[Tensor], masks: DropoutMasks
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes one step."""
        h, c = states
        dropped = [h] if masks.states is None else [h * mask for mask in masks.states]
        ones = (1,) * self.rank
        z = projected + self._convolve(dropped, self.recurrent_kernel, None, ones, "same", ones)
        i, f, g, o = z.chunk(4, self._channels)
        i, f, o = (self.recurrent_activation(gate) for gate in (i, f, o))
        c = f * c + i * self.activation(g)
        h = o * self.activation(c)
        return h, [h, c]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config = super().get_config()
        config.pop("units")
        return {
            **config,
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
        }
