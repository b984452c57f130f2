"""Batches of a Sequence-like object: `len(sequence)` batches, `sequence[i]` gives batch i."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchyard.workers.errors import SourceError, UserCodeError
from batchyard.workers.sources.base import Array, Rows
from batchyard.workers.user_code import load_factory

__all__ = ["SequenceSource"]


class SequenceSource:
    """A user's object whose items are batches `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

    The items must be pure: `sequence[i]` gives the same rows whenever and wherever it is asked for.
    `on_epoch_end` is never called, since what it changes would differ between workers.

    Args:
        factory: `module:factory`; called without arguments.
        code_directory: folder of the job file.
    """

    def __init__(self, factory: str, code_directory: str | None):
        self.name = factory
        self._sequence = load_factory(factory, code_directory)()
        for method in ("__len__", "__getitem__"):
            if not hasattr(self._sequence, method):
                found = type(self._sequence).__name__
                raise UserCodeError(f"{factory}: expected an object with {method}, received {found}")

    def __len__(self) -> int:
        return len(self._sequence)

    def batch(self, index: int) -> Rows:
        """Return batch `index`.

        Raises:
            SourceError: It is not what a batch must be.
        """
        item = self._sequence[index]
        parts: tuple[Any, ...] = item if isinstance(item, tuple) else (item,)
        if not 1 <= len(parts) <= 3:
            raise SourceError(
                f"{self.name}[{index}]: expected (x, y) or (x, y, weights), received {len(parts)} items"
            )
        inputs, targets = (_arrays(part) for part in (*parts, None)[:2])
        weights = np.asarray(parts[2]) if len(parts) == 3 and parts[2] is not None else None
        rows = Rows(inputs, targets, weights)
        lengths = {len(column) for column in (*inputs, *targets, *(() if weights is None else (weights,)))}
        if len(lengths) != 1:
            raise SourceError(
                f"{self.name}[{index}]: x, y and weights differ in their number of rows: {lengths}"
            )
        return rows


def _arrays(part: Any) -> tuple[Array, ...]:
    if part is None:
        return ()
    if isinstance(part, list | tuple):
        return tuple(np.asarray(array) for array in part)
    return (np.asarray(part),)
