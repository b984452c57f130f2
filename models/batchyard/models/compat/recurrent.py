"""The base classes of recurrent layers as they were before there were cells: a layer has a method `step`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.input_spec import check_inputs
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.layers.convolutional.windows import as_sizes, check_padding
from batchyard.models.layers.convolutional_recurrent.conv_rnn2d import ConvRNN2D
from batchyard.models.layers.recurrent.rnn import RNN

__all__ = ["ConvRecurrent2D", "Recurrent"]


class Recurrent(RNN):
    """A recurrent layer that computes its time steps by a method `step` of its own.

    A subclass sets the attribute `units`, the size of output and states. Its `build` makes the weights and
    sets `states` to a list with one None for each state. Its `step` computes one time step; the first state
    should be the output, as what masked steps put out goes by it. It may override `preprocess_input`,
    `get_constants`, `get_initial_state`, `compute_output_shape` and `compute_mask` too. With
    `stateful=True`, `build` receives the batch size in the input's shape.

    Args:
        return_sequences: whether the outputs of all time steps are returned, or the last one only.
        return_state: whether the last states are returned as well, behind the output.
        go_backwards: whether the time steps are taken from the last to the first.
        stateful: whether a batch begins with the states at which the batch before ended, row by row. It needs
            a fixed batch size.
        unroll: accepted for Keras's sake: it changes only what stands in front of masked time steps.
        implementation: a number for the subclass to go by; nothing here does.
        **kwargs: of `RNN`, which are those of every layer, `input_dim` and `input_length`.

    Attributes:
        states: with which the next batch begins, if the layer is stateful; else of no use but for their
            number.
        state_spec: what initial states that are passed in a call have to fit: an `InputSpec`, a list with one
            for each state, or None.

    Input shape:
        (batch, time, features); in a list with initial states, if such are given

    Output shape:
        (batch, units), with `return_sequences` (batch, time, units); with `return_state` a list: the output
        and each state (batch, units)

    Example:
        >>> class Sum(Recurrent):
        ...     units = 3
        ...     def build(self, input_shape):
        ...         self.states = [None]
        ...     def step(self, inputs, states):
        ...         return inputs + states[0], [inputs + states[0]]
        >>> Sum()(torch.ones(1, 5, 3))
        tensor([[5., 5., 5.]])

    Source: Keras 2.2.4, `legacy.layers.Recurrent`.
    """

    units: int

    def __init__(
        self,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        implementation: int = 0,
        **kwargs: Any,
    ) -> None:
        self.states = list(getattr(self, "states", []))
        super().__init__(
            self._step_cell(),
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            **kwargs,
        )
        self.unroll = unroll
        self.implementation = implementation
        self.state_spec: Any = None
        self.dropout = 0.0
        self.recurrent_dropout = 0.0

    # What subclasses override.

    def step(self, inputs: Any, states: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        """Computes one time step.

        Args:
            inputs: of the step, (batch, …), as `preprocess_input` returned them.
            states: each (batch, units), and behind them what `get_constants` returned.

        Returns:
            the output (batch, units), and the new states.

        Raises:
            InvalidArgumentError: if the subclass does not say how.
        """
        raise InvalidArgumentError(
            f"{type(self).__name__} (layer {self.name}) does not say how a time step is computed. Give the "
            "class a method step(self, inputs, states) that returns the output and a list of new states."
        )

    def preprocess_input(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns what the steps are cut from, (batch, time, …): the input itself.

        Args:
            inputs: of all time steps.
            training: whether to act as in training; the learning phase by default.
        """
        return inputs

    def get_constants(self, inputs: Any, training: bool | None = None) -> list[Any]:
        """Returns what each step receives behind the states, as dropout masks: nothing.

        Args:
            inputs: of all time steps.
            training: whether to act as in training; the learning phase by default.
        """
        return []

    # What RNN asks for.

    def _step_cell(self) -> _StepCell:
        return _StepCell(self)

    def _shape_to_build_for(self, shape: Any) -> Any:
        return tuple(shape) if self.stateful else super()._shape_to_build_for(shape)

    def _check_states(self, full: Sequence[Any]) -> None:
        """Compares initial states with what `build` says of them."""
        states = full[1 : len(full) - (self._num_constants or 0)]
        if not states:
            return
        self._build_for([tuple(one.shape) for one in full])
        if len(states) != len(self.states):
            raise ShapeError(
                f"Layer {self.name} has {len(self.states)} states, but received {len(states)} initial states."
            )
        check_inputs(self.state_spec, [tuple(state.shape) for state in states], self.name)

    def _run(
        self,
        x: Tensor,
        states: list[Tensor],
        mask: Tensor | None,
        training: bool | None,
        constants: Sequence[Tensor],
    ) -> tuple[Tensor | None, Tensor, list[Tensor]]:
        own = self.get_constants(x, training=training)
        steps = self.preprocess_input(x, training=training)
        return super()._run(steps, states, mask, training, [*own, *constants])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "implementation": self.implementation}

    def _cell_config(self) -> dict[str, Any]:
        return {}


class ConvRecurrent2D(Recurrent, ConvRNN2D):
    """A recurrent layer on sequences of images that computes its time steps by a method `step` of its own.

    As `Recurrent`, but outputs and states are images of `filters` channels: as large as a convolution with
    these arguments makes them. It needs a `get_initial_state` only where states are of another shape.

    Args:
        filters: channels of output and states.
        kernel_size: one number or two.
        strides: of the input's convolution.
        padding: "valid" or "same", of the input's convolution.
        data_format: "channels_last" or "channels_first"; the library's setting by default.
        dilation_rate: of the input's convolution.
        return_sequences: whether the outputs of all time steps are returned, or the last one only.
        go_backwards: whether the time steps are taken from the last to the first.
        stateful: whether a batch begins with the states at which the batch before ended, row by row.
        **kwargs: of `Recurrent`.

    Input shape:
        (batch, time, rows, columns, channels), or (batch, time, channels, rows, columns)

    Output shape:
        (batch, rows, columns, filters), with `return_sequences` an axis of time behind the batch; with
        `return_state` a list: the output and each state

    Source: Keras 2.2.4, `legacy.layers.ConvRecurrent2D`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        return_sequences: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        self.filters = filters
        self.kernel_size = as_sizes(kernel_size, 2, "kernel_size")
        self.strides = as_sizes(strides, 2, "strides")
        self.padding = check_padding(padding)
        self.data_format = normalize_data_format(data_format)
        self.dilation_rate = as_sizes(dilation_rate, 2, "dilation_rate")
        super().__init__(
            return_sequences=return_sequences, go_backwards=go_backwards, stateful=stateful, **kwargs
        )

    def _step_cell(self) -> _StepCell:
        return _ConvStepCell(self)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }


class _StepCell:
    """The cell that RNN runs, whose steps are its layer's.

    Args:
        layer: that has the method `step`.
    """

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    @property
    def output_size(self) -> int:
        """The last axis of the output."""
        return int(self.layer.units)

    @property
    def state_size(self) -> list[int]:
        """The last axis of each state that the layer has told of by now."""
        return [self.output_size for _ in self.layer.states]

    def call(
        self, inputs: Tensor, states: Sequence[Tensor], constants: Sequence[Any] = ()
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes one step."""
        output, new = self.layer.step(inputs, [*states, *constants])
        return output, list(new)


class _OfLayer:
    """Something that a cell has from its layer."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, cell: _StepCell, owner: type) -> Any:
        return getattr(cell.layer, self._name)


class _ConvStepCell(_StepCell):
    """The same for images, with what `ConvRNN2D` computes their sizes from."""

    filters = _OfLayer()
    kernel_size = _OfLayer()
    strides = _OfLayer()
    padding = _OfLayer()
    data_format = _OfLayer()
    dilation_rate = _OfLayer()

    @property
    def output_size(self) -> int:
        """The channels of the output."""
        return int(self.layer.filters)
