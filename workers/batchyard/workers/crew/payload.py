"""The arrays that belong to a decision, as bytes: weights, layers' states, callbacks' arrays. No pickle."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["pack_payload", "unpack_payload"]

Arrays = Mapping[str, NDArray[Any]]


def pack_payload(weights: Sequence[NDArray[Any]], states: Arrays, callbacks: Sequence[Arrays]) -> bytes:
    """Pack a model's weights, the states of its stateful layers and the arrays of each callback."""
    arrays: dict[str, NDArray[Any]] = {f"weight/{i}": weight for i, weight in enumerate(weights)}
    arrays.update({f"state/{place}": state for place, state in states.items()})
    for place, of_callback in enumerate(callbacks):
        arrays.update({f"callback/{place}/{name}": array for name, array in of_callback.items()})
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def unpack_payload(
    data: bytes, callbacks: int
) -> tuple[list[NDArray[Any]], dict[str, NDArray[Any]], list[dict[str, NDArray[Any]]]]:
    """Return what `pack_payload` packed.

    Args:
        data: the bytes.
        callbacks: number of callbacks.
    """
    weights: dict[int, NDArray[Any]] = {}
    states: dict[str, NDArray[Any]] = {}
    arrays: list[dict[str, NDArray[Any]]] = [{} for _ in range(callbacks)]
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        for key in file.files:
            kind, _, rest = key.partition("/")
            if kind == "weight":
                weights[int(rest)] = file[key]
            elif kind == "state":
                states[rest] = file[key]
            else:
                place, _, name = rest.partition("/")
                arrays[int(place)][name] = file[key]
    return [weights[i] for i in range(len(weights))], states, arrays
