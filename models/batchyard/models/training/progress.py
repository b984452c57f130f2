"""A progress bar around `evaluate` and `predict`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from batchyard.models.callbacks.progress_bar import Progbar

__all__ = ["shown_progress"]


@contextmanager
def shown_progress(rows: int, verbose: int, unit: str = "sample") -> Iterator[Callable[[int], None]]:
    """Gives a function that takes the rows of each batch done; it draws a bar if `verbose` is 1.

    Args:
        rows: how many there will be.
        verbose: 1 for a bar.
        unit: what is counted.
    """
    if verbose != 1 or not rows:
        yield lambda done: None
        return
    bar = Progbar(rows, unit_name=unit)
    seen = 0

    def progress(done: int) -> None:
        nonlocal seen
        seen += done
        if bar.is_due and seen < rows:
            bar.update(seen)

    yield progress
    bar.close(rows)
