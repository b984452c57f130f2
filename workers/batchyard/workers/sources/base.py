"""What every source can do: give the rows with these numbers, again and again the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows", "Source", "SourcePart"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """Some rows, column by column; all arrays are equally long.

    Attributes:
        inputs: one array per model input.
        targets: one array per model output; empty when the job needs none.
        weights: one weight per row, or None where all rows weigh 1.
    """

    inputs: tuple[Array, ...]
    targets: tuple[Array, ...] = ()
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.inputs[0])

    @property
    def nbytes(self) -> int:
        """Bytes of all columns together."""
        columns = (*self.inputs, *self.targets, *(() if self.weights is None else (self.weights,)))
        return sum(column.nbytes for column in columns)

    def map(self, change: Callable[[Array], Array]) -> Rows:
        """Return the rows with `change` applied to each column."""
        weights = None if self.weights is None else change(self.weights)
        return Rows(tuple(map(change, self.inputs)), tuple(map(change, self.targets)), weights)

    def take(self, index: NDArray[np.int64]) -> Rows:
        """Return the rows at these places, as new arrays."""
        return self.map(lambda column: np.take(column, index, axis=0))

    @classmethod
    def concatenate(cls, pieces: Sequence[Rows]) -> Rows:
        """Return the pieces one after the other."""
        if len(pieces) == 1:
            return pieces[0]
        first = pieces[0]
        return cls(
            tuple(np.concatenate([p.inputs[i] for p in pieces]) for i in range(len(first.inputs))),
            tuple(np.concatenate([p.targets[i] for p in pieces]) for i in range(len(first.targets))),
            None
            if first.weights is None
            else np.concatenate([p.weights for p in pieces if p.weights is not None]),
        )


class Source(ABC):
    """Rows by number. `rows` is pure: equal numbers give equal rows, in every process and at any time.

    Attributes:
        samples: number of rows.
        row_bytes: size of one row, all columns.
        block_rows: rows that are best read together (an HDF5 chunk); 1 where it does not matter.
    """

    samples: int
    row_bytes: int
    block_rows: int = 1

    @abstractmethod
    def rows(self, indices: NDArray[np.int64]) -> Rows:
        """Read rows.

        Args:
            indices: row numbers in any order, repetitions allowed.

        Returns:
            New arrays, in the order of `indices`.

        Raises:
            SourceError: They cannot be read.
        """

    def span(self, start: int, stop: int) -> Rows:
        """Read the rows `start … stop - 1`."""
        return self.rows(np.arange(start, stop, dtype=np.int64))

    def close(self) -> None:
        """Close files; a later `rows` opens them again."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SourcePart(Source):
    """The rows `start … stop - 1` of another source, as a source.

    Args:
        whole: the other source.
        start: its first row of the part.
        stop: one past the last row.
    """

    def __init__(self, whole: Source, start: int, stop: int):
        self.whole = whole
        self.start = start
        self.samples = stop - start
        self.row_bytes = whole.row_bytes
        self.block_rows = whole.block_rows

    def rows(self, indices: NDArray[np.int64]) -> Rows:
        """Read rows; 0 is the first row of the part."""
        return self.whole.rows(indices + self.start)

    def close(self) -> None:
        """Close the whole source."""
        self.whole.close()
