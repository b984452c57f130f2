"""The layer that runs a cell over the time steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.backend.symbolic_call import operation
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.masking import accepts
from batchyard.models.engine.step_context import StateUpdate, current_step
from batchyard.models.engine.symbolic import Shape, is_symbolic, to_list, unpack_singleton
from batchyard.models.errors import GraphError, InvalidArgumentError, ShapeError
from batchyard.models.layers.recurrent.cell import RecurrentCell
from batchyard.models.layers.recurrent.names import rename_weights
from batchyard.models.layers.recurrent.recurrence import insert_rows, run_steps
from batchyard.models.layers.recurrent.stacked_rnn_cells import StackedRNNCells
from batchyard.models.layers.registry import deserialize, layers

__all__ = ["RNN"]


@layers.register()
class RNN(Layer):
    """Runs a cell over the time steps of its input.

    A cell of your own is a layer whose `call(inputs, states)` returns an output and a list of new states, and
    that has a `state_size`: a number, or a list with one for each state; the first is the output's size
    unless there is an `output_size`. With constants it is `call(inputs, states, constants)`.

    Args:
        cell: the cell, or a list of cells, which are stacked.
        return_sequences: whether the outputs of all time steps are returned, or the last one only.
        return_state: whether the last states are returned as well, behind the output.
        go_backwards: whether the time steps are taken from the last to the first.
        stateful: whether a batch begins with the states at which the batch before ended, row by row. It needs
            a fixed batch size.
        unroll: accepted for Keras's sake: it changes only what stands in front of masked time steps.
        **kwargs: of every layer; `input_dim` and `input_length` instead of `input_shape`.

    Input shape:
        (batch, time, …); in a list with initial states, if such are given, and then constants

    Output shape:
        (batch, units), with `return_sequences` (batch, time, units); with `return_state` a list: the output
        and each state (batch, size)

    Example:
        >>> RNN(LSTMCell(4))(torch.ones(2, 3, 5)).shape
        torch.Size([2, 4])

    Source: Keras 2.2.4, `layers.RNN`.
    """

    cell: Any
    states: list[Tensor | None]

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(cell, list | tuple):
            cell = StackedRNNCells(cell)
        for needed in ("call", "state_size"):
            if not hasattr(cell, needed):
                raise InvalidArgumentError(
                    f"A cell needs a method `call` and an attribute `state_size` (a number, or a list of "
                    f"them). Received: {cell!r}, which has no {needed}."
                )
        num_constants = kwargs.pop("num_constants", None)
        zero_output_for_mask = kwargs.pop("zero_output_for_mask", False)
        features, steps = kwargs.pop("input_dim", None), kwargs.pop("input_length", None)
        if "input_shape" not in kwargs and (features, steps) != (None, None):
            kwargs["input_shape"] = (steps, features)
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        #: Whether the outputs of masked steps are zeros, not those of the step before; files of later
        #: versions say so.
        self.zero_output_for_mask = bool(zero_output_for_mask)
        self.supports_masking = True
        self.input_spec = [InputSpec(ndim=3)]
        self._num_constants: int | None = num_constants
        self._batch_size: int | None = None
        self.set_states([None] * len(self._state_sizes))

    # Shapes.

    @property
    def _state_sizes(self) -> list[int]:
        return to_list(self.cell.state_size)

    @property
    def _output_size(self) -> int:
        found = getattr(self.cell, "output_size", None)
        return self._state_sizes[0] if found is None else int(found)

    def _state_shapes(self, input_shape: Shape) -> list[Shape]:
        """Returns the shapes of the states, without the batch axis."""
        return [(size,) for size in self._state_sizes]

    def _step_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of one step's output, without the batch axis."""
        return (self._output_size,)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the output's shape, and the states' if they are returned."""
        shape: Shape = input_shape[0] if isinstance(input_shape, list) else input_shape
        time = (shape[1],) if self.return_sequences else ()
        output: Shape = (shape[0], *time, *self._step_output_shape(shape))
        if not self.return_state:
            return output
        return [output, *((shape[0], *state) for state in self._state_shapes(shape))]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the input's mask, if the outputs of all time steps are returned."""
        own = to_list(mask)[0] if self.return_sequences else None
        return [own] + [None] * len(self._state_sizes) if self.return_state else own

    # Weights.

    def _build_for(self, shapes: list[Shape]) -> None:
        self._batch_size = shapes[0][0]
        with self._expecting(len(shapes)):
            super()._build_for(shapes)

    def build(self, input_shape: Any) -> None:
        """Builds the cell for the input of one time step."""
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        first = shapes[0]
        if self._batch_size is None:
            self._batch_size = first[0]
        constants = shapes[len(shapes) - self._num_constants :] if self._num_constants else []
        if isinstance(self.cell, Layer):
            new = not self.cell.built
            self.cell._build_for([(None, *first[2:]), *constants])
            if new:
                rename_weights(self.cell, self.name)
        self.input_spec = [InputSpec(shape=(None, None, *first[2:]))]
        if self.stateful:
            self._batch_of(first)

    # States.

    def set_states(self, states: Sequence[Tensor | None]) -> None:
        """Takes the states with which the next batch begins.

        Args:
            states: one tensor of all rows for each state; None for zeros.
        """
        self.states = list(states)

    def whole_state_shapes(self) -> list[tuple[int, ...]]:
        """Returns the shapes of the states of a whole batch; of a stateful layer only."""
        batch = self._batch_of()
        return [(batch, *(size or 0 for size in shape)) for shape in self._known_state_shapes()]

    def _batch_of(self, shape: Any = None) -> int:
        """Returns the batch size that a stateful layer has."""
        if self._batch_size is None:
            raise InvalidArgumentError(
                f"Layer {self.name} is stateful, so it needs to know its batch size. Expected "
                "batch_input_shape=(batch, time, …) in the first layer of a Sequential, or "
                "Input(batch_shape=(batch, time, …)); received an open one"
                f"{'' if shape is None else f' in the input shape {shape}'}."
            )
        return self._batch_size

    def get_initial_state(self, inputs: Any) -> list[Tensor]:
        """Returns zeros for each state of each row of the input, which may be symbolic."""
        if is_symbolic(inputs):
            return to_list(operation(self.get_initial_state)(inputs))
        shapes = self._state_shapes(tuple(inputs.shape))
        dtype = inputs.dtype if inputs.is_floating_point() else None
        return [torch.zeros((inputs.shape[0], *s), dtype=dtype, device=inputs.device) for s in shapes]

    def reset_states(self, states: Any = None) -> None:
        """Sets the states with which the next batch begins; of a stateful layer only.

        Args:
            states: one array (batch, size), or a list with one for each state; zeros by default.

        Raises:
            InvalidArgumentError: if the layer is not stateful, or its batch size is not known.
            ShapeError: if number or shape of the states differ.
        """
        if not self.stateful:
            raise InvalidArgumentError(
                f"Layer {self.name} has no states to reset, as it is not stateful. Make it with "
                "stateful=True."
            )
        batch = self._batch_of()
        weight = next(self.parameters(), None)
        if states is None:
            if weight is None or any(None in shape for shape in self._known_state_shapes()):
                self.set_states([None] * len(self._state_sizes))
            else:
                self.set_states([weight.new_zeros(shape) for shape in self.whole_state_shapes()])
            return
        given = to_list(states)
        if len(given) != len(self._state_sizes):
            raise ShapeError(
                f"Layer {self.name} has {len(self._state_sizes)} states, but received {len(given)}."
            )
        found = []
        for number, (value, old) in enumerate(zip(given, self._known_state_shapes(), strict=True)):
            array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
            if array.shape != (batch, *old):
                raise ShapeError(
                    f"State {number} of layer {self.name} has the shape {(batch, *old)}, but received "
                    f"{array.shape}."
                )
            tensor = torch.from_numpy(np.array(array))
            found.append(tensor if weight is None else tensor.to(weight.device, weight.dtype))
        self.set_states(found)

    def _known_state_shapes(self) -> list[Shape]:
        spec = self.input_spec[0].shape
        return self._state_shapes(spec if spec is not None else (None,) * 3)

    def _keep_states(self, states: Sequence[Tensor]) -> None:
        """Keeps the last states for the next batch; within a training step once the step is applied."""
        context = current_step()
        with torch.inference_mode(False):  # what was predicted may be trained upon
            kept = [state.detach().to(torch_dtype(self.dtype), copy=True) for state in states]
            if context is not None and context.defers_states:
                context.state_updates.append(StateUpdate(self, kept))
                return
            if context is not None and context.rows is not None:
                kept = [
                    insert_rows(old, context.rows, new, shape)
                    for old, new, shape in zip(self.states, kept, self.whole_state_shapes(), strict=True)
                ]
        self.set_states(kept)

    # Calling.

    def __call__(self, inputs: Any, initial_state: Any = None, constants: Any = None, **kwargs: Any) -> Any:
        """Connects the layer, or computes; initial states and constants become further inputs.

        Args:
            inputs: the tensor, or a list of it, the initial states and the constants.
            initial_state: a tensor for each state.
            constants: tensors that are passed to the cell at each step.
            **kwargs: of `call`.
        """
        if initial_state is not None and is_symbolic(inputs) and not is_symbolic(to_list(initial_state)[0]):
            # Numbers for a graph: an argument of the call, and no further inputs.
            self._check_states([inputs, *to_list(initial_state)])
            full = self._all_inputs(inputs, None, constants)
            kwargs["initial_state"] = to_list(initial_state)
        else:
            full = self._all_inputs(inputs, initial_state, constants)
            self._check_states(full)
        with self._expecting(len(full)):
            return super().__call__(unpack_singleton(full), **kwargs)

    @contextmanager
    def _expecting(self, count: int) -> Iterator[None]:
        """Lets the input come with states and constants, which `_check_states` looks at."""
        self.input_spec = [*to_list(self.input_spec)[:1], *[InputSpec()] * (count - 1)]
        try:
            yield
        finally:
            self.input_spec = to_list(self.input_spec)[:1]

    def _all_inputs(self, inputs: Any, initial_state: Any, constants: Any) -> list[Any]:
        if isinstance(inputs, list | tuple):
            if initial_state is not None or constants is not None:
                raise InvalidArgumentError(
                    f"Layer {self.name} received initial_state or constants twice: in the list of inputs and "
                    "by name."
                )
            full = list(inputs)
        else:
            full = [inputs, *([] if initial_state is None else to_list(initial_state))]
            if constants is not None:
                self._num_constants = len(to_list(constants))
                full += to_list(constants)
        symbolic = [is_symbolic(one) for one in full]
        if any(symbolic) and not all(symbolic):
            raise GraphError(
                f"Layer {self.name} was called with a mixture of symbolic and other tensors. Pass its input, "
                "initial_state and constants either as outputs of Input and layers, or as torch tensors."
            )
        return full

    def _check_states(self, full: Sequence[Any]) -> None:
        states = len(full) - 1 - (self._num_constants or 0)
        if states not in (0, len(self._state_sizes)):
            raise ShapeError(
                f"Layer {self.name} has {len(self._state_sizes)} states, but received {states} initial "
                f"states (of {len(full)} inputs, {self._num_constants or 0} are constants)."
            )
        wanted = self._state_shapes(tuple(full[0].shape)) if len(full[0].shape) > 2 else []
        for number, (state, shape) in enumerate(zip(full[1 : 1 + states], wanted, strict=False)):
            found = tuple(state.shape)[1:]
            if len(found) != len(shape) or any(
                a is not None and b is not None and a != b for a, b in zip(found, shape, strict=True)
            ):
                raise ShapeError(
                    f"Initial state {number} of layer {self.name} should have the shape {(None, *shape)}, "
                    f"but received {tuple(state.shape)}."
                )

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool | None = None,
        initial_state: Any = None,
        constants: Any = None,
    ) -> Any:
        """Computes output, and states if they are returned."""
        full = to_list(inputs)
        x, rest = full[0], full[1:]
        if self._num_constants and constants is None:
            rest, constants = rest[: -self._num_constants], rest[-self._num_constants :]
        initial = to_list(initial_state) if initial_state is not None else rest
        mask = to_list(mask)[0]
        states = self._first_states(x, initial)
        outputs, output, last = self._run(x, states, mask, training, to_list(constants) if constants else [])
        if self.stateful:
            self._keep_states(last)
        result: Any = outputs if self.return_sequences else output
        if self.zero_output_for_mask and self.return_sequences and mask is not None:
            steps = mask.flip(1) if self.go_backwards else mask
            result = result * steps.reshape((*mask.shape, *[1] * (result.ndim - mask.ndim))).to(result.dtype)
        return [result, *last] if self.return_state else result

    def _first_states(self, x: Tensor, initial: Sequence[Tensor]) -> list[Tensor]:
        context = current_step()
        rows = None if context is None else context.rows
        if self.stateful:
            self._check_batch(x.shape[0], rows, None if context is None else context.batch_rows)
        if x.shape[1] == 0:
            raise ShapeError(
                f"Layer {self.name} needs at least one time step. Full shape received: {tuple(x.shape)}."
            )
        if initial:
            return [state.to(x.dtype) if x.is_floating_point() else state for state in initial]
        if self.stateful and self.states[0] is not None:
            known = [state for state in self.states if state is not None]
            return [(state if rows is None else state[rows]).to(x.device, x.dtype) for state in known]
        return self.get_initial_state(x)

    def _check_batch(self, count: int, rows: slice | None, batch_rows: int | None) -> None:
        """Refuses batches of another size than that of the states."""
        batch = self._batch_of()
        found = count if batch_rows is None else batch_rows
        if found != batch:
            raise ShapeError(
                f"Layer {self.name} is stateful with a batch size of {batch}, but received a batch of "
                f"{found} rows. Pass batch_size={batch}, and a number of rows that it divides."
            )
        if rows is not None and count != rows.stop - rows.start:
            raise ShapeError(
                f"Layer {self.name} is stateful and received {count} rows, where a lane has "
                f"{rows.stop - rows.start}: its rows are not those of the batch, so its states cannot be cut "
                "into lanes. Train with lanes=1."
            )

    def _run(
        self,
        x: Tensor,
        states: list[Tensor],
        mask: Tensor | None,
        training: bool | None,
        constants: Sequence[Tensor],
    ) -> tuple[Tensor | None, Tensor, list[Tensor]]:
        """Returns the outputs of all steps (None if they are not asked for), the last output and states."""
        cell = self.cell
        if isinstance(cell, RecurrentCell) and not constants:
            masks = cell.draw_masks(x[:, 0], training)
            if mask is None or not self.unroll:
                counts = None if mask is None else mask.to(torch.bool).reshape(*x.shape[:2]).t()
                if self.go_backwards:
                    found = cell.fused(x.flip(1), states, masks, None if counts is None else counts.flip(0))
                else:
                    found = cell.fused(x, states, masks, counts)
                if found is not None:
                    return found[0], found[1][0], found[1]  # the last output is the first state
            steps = cell.project(x.transpose(0, 1), masks).unbind(0)

            def step(x: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
                return cell.advance(x, states, masks)
        else:
            steps = x.unbind(1)
            if hasattr(cell, "forget_masks"):
                cell.forget_masks()
            arguments: dict[str, Any] = {"constants": list(constants)} if constants else {}
            if isinstance(cell, Layer) and accepts(cell, "training"):
                arguments["training"] = training

            def step(x: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
                output, new = cell.call(x, list(states), **arguments)
                return output, new

        flags = None if mask is None else mask.to(torch.bool).reshape(*x.shape[:2]).unbind(1)
        if self.go_backwards:
            steps = steps[::-1]
            flags = None if flags is None else flags[::-1]
        outputs, last = run_steps(step, steps, states, flags, self.unroll)
        return torch.stack(outputs, 1) if self.return_sequences else None, outputs[-1], last

    # Describing.

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config: dict[str, Any] = {
            **super().get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
        }
        if self._num_constants is not None:
            config["num_constants"] = self._num_constants
        if self.zero_output_for_mask:
            config["zero_output_for_mask"] = True
        return {**config, **self._cell_config()}

    def _cell_config(self) -> dict[str, Any]:
        return {"cell": {"class_name": type(self.cell).__name__, "config": self.cell.get_config()}}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes a layer from what `get_config` returned.

        Args:
            config: the description.
            custom_objects: further classes that it may name.
        """
        given = dict(config)
        if isinstance(given.get("cell"), Mapping):
            given["cell"] = deserialize(given["cell"], custom_objects)
        return cls(**given)
