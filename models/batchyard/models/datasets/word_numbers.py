"""What IMDB and Reuters have in common: texts as lists of word numbers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchyard.models.errors import DataError

__all__ = ["as_objects", "prepare", "renamed"]


def renamed(num_words: int | None, arguments: dict[str, Any]) -> int | None:
    """Returns `num_words`, also if it was given by Keras 1's name; refuses other arguments."""
    if "nb_words" in arguments:
        warnings.warn(
            "The `nb_words` argument in `load_data` has been renamed `num_words`.", UserWarning, stacklevel=3
        )
        num_words = arguments.pop("nb_words")
    if arguments:
        raise TypeError(f"load_data does not know the arguments {sorted(arguments)}.")
    return num_words


def prepare(
    texts: Sequence[Sequence[int]],
    labels: NDArray[Any],
    num_words: int | None,
    skip_top: int,
    maxlen: int | None,
    start_char: int | None,
    oov_char: int | None,
    index_from: int,
) -> tuple[list[list[int]], NDArray[Any]]:
    """Shifts the numbers, drops long texts, and replaces words that are too rare or too frequent."""
    start = [] if start_char is None else [start_char]
    rows = [[*start, *(word + index_from for word in text)] for text in texts]
    if maxlen:
        kept = [number for number, row in enumerate(rows) if len(row) < maxlen]
        rows, labels = [rows[number] for number in kept], labels[kept]
        if not rows:
            raise DataError(f"No text is shorter than maxlen={maxlen}. Increase maxlen.")
    above = num_words or max(max(row) for row in rows)
    if oov_char is None:
        return [[word for word in row if skip_top <= word < above] for row in rows], labels
    return [[word if skip_top <= word < above else oov_char for word in row] for row in rows], labels


def as_objects(rows: list[list[int]]) -> NDArray[Any]:
    """Returns an array of lists."""
    result = np.empty(len(rows), dtype=object)
    result[:] = rows
    return result
