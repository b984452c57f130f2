"""The states that stateful layers keep from batch to batch: found, put back, and as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchyard.models.errors import StateError

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.step_context import StateKeeper

__all__ = ["current_states", "restore_states", "set_state_arrays", "state_arrays", "state_keepers"]


def state_keepers(model: Layer) -> list[StateKeeper]:
    """Returns the layers at any depth whose states are known by row, each once, in the order of modules."""
    return [
        cast("StateKeeper", module)
        for module in model.modules()
        if getattr(module, "stateful", False) and hasattr(module, "whole_state_shapes")
    ]


def current_states(model: Layer) -> list[list[Tensor | None]]:
    """Returns the states of all stateful layers; they are replaced and never written to, so it is a copy."""
    return [list(keeper.states) for keeper in state_keepers(model)]


def restore_states(model: Layer, states: Sequence[list[Tensor | None]]) -> None:
    """Puts back what `current_states` returned."""
    for keeper, own in zip(state_keepers(model), states, strict=True):
        keeper.set_states(list(own))


def state_arrays(model: Layer) -> dict[str, NDArray[Any]]:
    """Returns the states of all stateful layers by place, `layer/state`; zeros that were never set lack."""
    return {
        f"{place}/{number}": state.detach().cpu().numpy()
        for place, states in enumerate(current_states(model))
        for number, state in enumerate(states)
        if state is not None
    }


def set_state_arrays(model: Layer, arrays: Mapping[str, NDArray[Any]], device: torch.device) -> None:
    """Puts what `state_arrays` returned into a model; nothing has changed if it does not fit.

    Raises:
        StateError: if the arrays are of another model.
    """
    expected = {
        f"{place}/{number}": shape
        for place, keeper in enumerate(state_keepers(model))
        for number, shape in enumerate(keeper.whole_state_shapes())
    }
    for name, array in arrays.items():
        if tuple(array.shape) != expected.get(name):
            raise StateError(
                f"State {name} of a recurrent layer has the shape {tuple(array.shape)}, but the model's has "
                f"{expected.get(name)}: it is another model's."
            )
    for place, keeper in enumerate(state_keepers(model)):
        found = [arrays.get(f"{place}/{number}") for number in range(len(keeper.states))]
        keeper.set_states([None if a is None else torch.from_numpy(np.array(a)).to(device) for a in found])
