"""Stateful layers in batches and lanes: what a batch leaves for the next one, row by row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.engine.states import state_keepers
from batchyard.models.errors import DataError, InvalidArgumentError

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.step_context import StateKeeper, StateUpdate

__all__ = [
    "expect_whole_batches",
    "keep_lane_states",
    "keep_states",
    "lane_states",
    "refuse_states_with_lanes",
    "state_values",
    "stateful_layers",
    "states_length",
]


def stateful_layers(model: Layer) -> list[Layer]:
    """Returns the layers within a model that keep states from batch to batch; outer ones only."""
    found: list[Layer] = []
    for layer in getattr(model, "layers", []):
        found += [layer] if layer.stateful else stateful_layers(layer)
    return found


def refuse_states_with_lanes(model: Layer, lanes: int) -> None:
    """Refuses to cut the states of layers into lanes that do not tell which state belongs to which row.

    Raises:
        InvalidArgumentError: if there are several lanes and such layers.
    """
    if lanes == 1:
        return
    names = [layer.name for layer in stateful_layers(model) if not state_keepers(layer)]
    if names:
        raise InvalidArgumentError(
            f"The states of {', '.join(names)} cannot be cut into lanes: expected lanes=1, received "
            f"lanes={lanes}. Recurrent layers of this library can; a layer of your own derives from RNN, or "
            "is made with stateful=False."
        )


def expect_whole_batches(model: Layer, rows: int, batch_size: int) -> None:
    """Refuses rows that do not fill their batches where layers keep states row by row.

    Raises:
        DataError: if there are stateful layers, and the last batch is not full.
    """
    if rows <= batch_size or rows % batch_size == 0:
        return
    names = [layer.name for layer in stateful_layers(model)]
    if names:
        raise DataError(
            f"Stateful layers need whole batches: expected a number of rows that batch_size={batch_size} "
            f"divides for {', '.join(names)}, received {rows} rows."
        )


# Within a step: lanes' states travel in one vector with all else that is summed.


def state_values(updates: Sequence[StateUpdate], rows: slice | None) -> list[Tensor]:
    """Returns a lane's part of the whole batch's states, to be added to those of the other lanes.

    Rows of other lanes are -0.0, for `x + -0.0` is `x` bit for bit.

    Args:
        updates: what the layers have told.
        rows: of the lane; None if it is the whole batch.
    """
    if rows is None:
        return [state for update in updates for state in update.states]
    values = []
    for update in updates:
        for state, shape in zip(update.states, update.keeper.whole_state_shapes(), strict=True):
            whole = state.new_full(shape, -0.0)
            whole[rows] = state
            values.append(whole)
    return values


def keep_states(updates: Sequence[StateUpdate], values: Sequence[Tensor], copy: bool) -> None:
    """Has layers keep the states of a whole batch.

    Args:
        updates: which layers, and how many states of each.
        values: the sums over all lanes of `state_values`.
        copy: whether `values` are views of memory that is used again.
    """
    at = 0
    for update in updates:
        count = len(update.states)
        own = values[at : at + count]
        update.keeper.set_states([value.clone() if copy else value for value in own])
        at += count


def lane_states(keepers: Sequence[StateKeeper], rows: slice, like: Tensor) -> Tensor:
    """Returns all states in one vector after a lane was evaluated: its rows', and -0.0 for all others.

    Args:
        keepers: the stateful layers.
        rows: of the lane.
        like: of the dtype and device of the vector.
    """
    pieces = [like.new_empty(0)]
    for keeper in keepers:
        for state, shape in zip(keeper.states, keeper.whole_state_shapes(), strict=True):
            whole = like.new_full(shape, -0.0)
            if state is not None:
                whole[rows] = state[rows].to(like)
            pieces.append(whole.flatten())
    return torch.cat(pieces)


def keep_lane_states(keepers: Sequence[StateKeeper], total: Tensor) -> None:
    """Has layers keep the states that the sum over all lanes of `lane_states` holds."""
    at = 0
    for keeper in keepers:
        found: list[Tensor | None] = []
        for shape in keeper.whole_state_shapes():
            count = math.prod(shape)
            found.append(total[at : at + count].view(shape).to(torch_dtype(keeper.dtype), copy=True))
            at += count
        keeper.set_states(found)


def states_length(keepers: Sequence[StateKeeper]) -> int:
    """Returns the number of elements of all states of a batch."""
    return sum(math.prod(shape) for keeper in keepers for shape in keeper.whole_state_shapes())
