"""Stateful layers: what a batch leaves for the next one, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchyard.models.errors import DataError, InvalidArgumentError

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer

__all__ = ["expect_whole_batches", "refuse_states_with_lanes", "stateful_layers"]


def stateful_layers(model: Layer) -> list[Layer]:
    """Returns the layers within a model that keep states from batch to batch; outer ones only."""
    found: list[Layer] = []
    for layer in getattr(model, "layers", []):
        found += [layer] if layer.stateful else stateful_layers(layer)
    return found


def refuse_states_with_lanes(model: Layer, lanes: int) -> None:
    """Refuses to train layers with states in several lanes.

    A state belongs to a row of the batch, and stays with the process that computed it; lanes may move from
    one process to another between two steps, and no checkpoint holds the states.

    Raises:
        InvalidArgumentError: if there are several lanes and stateful layers.
    """
    if lanes == 1:
        return
    names = [layer.name for layer in stateful_layers(model)]
    if names:
        raise InvalidArgumentError(
            f"Stateful layers train in one lane only: expected lanes=1 for {', '.join(names)}, received "
            f"lanes={lanes}. Their states belong to the rows of the whole batch. Train with lanes=1, or make "
            "the layers with stateful=False."
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
