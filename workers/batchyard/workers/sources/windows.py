"""The rows of an epoch by position, read window by window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from batchyard.workers.sources.base import Rows, Source
from batchyard.workers.sources.order import EpochOrder, Shuffle, Window
from batchyard.workers.sources.prefetch import Prefetcher

__all__ = ["WINDOW_BYTES", "Windows"]

#: What one window may take in memory. Three are held at most: the last, the present and the next one.
WINDOW_BYTES = 32 << 20


class Windows:
    """Rows by their position in an epoch, in memory that does not grow with the source.

    Args:
        source: where the rows come from.
        shuffle: whether each epoch has an order of its own; "batch": an order of batches.
        batch_size: rows of a batch; matters for `shuffle="batch"` only.
        window_bytes: what one window may take in memory.
    """

    def __init__(
        self, source: Source, *, shuffle: Shuffle, batch_size: int = 1, window_bytes: int = WINDOW_BYTES
    ):
        self.source = source
        self.order = EpochOrder.fitting(
            source.samples,
            source.row_bytes,
            source.block_rows,
            window_bytes,
            batch_size=batch_size,
            shuffle=shuffle,
        )
        self._whole: Rows | None = None
        self._ahead = self._prefetcher()

    def begin_epoch(self, epoch: int, seed: int) -> None:
        """Go over to the order of an epoch."""
        if (epoch, seed) == (self.order.epoch, self.order.seed) or not self.order.shuffle:
            return
        self.order = replace(self.order, epoch=epoch, seed=seed)
        self._ahead.close()
        self._ahead = self._prefetcher()

    def rows(self, start: int, stop: int) -> Rows:
        """Return the rows at the positions `start … stop - 1`, as new arrays."""
        pieces = []
        while start < stop:
            number = self.order.window_at(start)
            window, rows = self._ahead.get(number, self.order.windows)
            here = slice(start - window.start, min(stop, window.stop) - window.start)
            places = np.arange(here.start, here.stop) if window.places is None else window.places[here]
            pieces.append(rows.take(places))
            start = window.start + here.stop
        return Rows.concatenate(pieces)

    def close(self) -> None:
        """End reading ahead; the source stays open."""
        self._ahead.close()

    def _prefetcher(self) -> Prefetcher[tuple[Window, Rows]]:
        order = self.order

        def load(number: int) -> tuple[Window, Rows]:
            window = order.window(number)
            if order.windows > 1:
                return window, self.source.rows(window.rows)
            # All rows in one window: the same ones every epoch, so they are read once.
            if self._whole is None:
                self._whole = self.source.rows(window.rows)
            return window, self._whole

        return Prefetcher(load, keep=1)
