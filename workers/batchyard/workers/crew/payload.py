"""The arrays that belong to a decision, as bytes: weights and callbacks' arrays. No pickle."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["pack_payload", "unpack_payload"]

Arrays = Mapping[str, NDArray[Any]]


def pack_payload(weights: Sequence[NDArray[Any]], callbacks: Sequence[Arrays]) -> bytes:
    """Pack a model's weights and the arrays of each callback."""
    arrays: dict[str, NDArray[Any]] = {f"weight/{i}": weight for i, weight in enumerate(weights)}
    for place, of_callback in enumerate(callbacks):
        arrays.update({f"callback/{place}/{name}": array for name, array in of_callback.items()})
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def unpack_payload(data: bytes, callbacks: int) -> tuple[list[NDArray[Any]], list[dict[str, NDArray[Any]]]]:
    """Return what `pack_payload` packed.

    Args:
        data: the bytes.
        callbacks: number of callbacks.
    """
    weights: dict[int, NDArray[Any]] = {}
    arrays: list[dict[str, NDArray[Any]]] = [{} for _ in range(callbacks)]
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        for key in file.files:
            kind, _, rest = key.partition("/")
            if kind == "weight":
                weights[int(rest)] = file[key]
            else:
                place, _, name = rest.partition("/")
                arrays[int(place)][name] = file[key]
    return [weights[i] for i in range(len(weights))], arrays
