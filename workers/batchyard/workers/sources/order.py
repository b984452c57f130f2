"""The order of an epoch's rows: a pure function of (seed, epoch) that never holds one number per row.

The rows are cut into blocks (HDF5 chunks). The blocks are shuffled; a few following ones form a window, and
the rows of a window are shuffled among themselves. A source that fits into one window is thus shuffled
thoroughly, a larger one by chunk and then within the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["EpochOrder", "Shuffle", "Window"]

Indices = NDArray[np.int64]
Shuffle = bool | Literal["batch"]

#: There are never more blocks than this, however many rows: the order of blocks is held in memory.
MAX_BLOCKS = 1 << 18


@dataclass(frozen=True)
class Window:
    """A run of positions whose rows are read together.

    Attributes:
        start: first position in the epoch.
        rows: the row numbers, as they are best read: ascending.
        places: for each position from `start` on, the place of its row in `rows`; None: the same.
    """

    start: int
    rows: Indices
    places: Indices | None

    @property
    def stop(self) -> int:
        """One past the last position."""
        return self.start + len(self.rows)


@dataclass(frozen=True)
class EpochOrder:
    """Which row comes at which position of an epoch.

    Attributes:
        samples: number of rows.
        block: rows of a block.
        blocks_per_window: blocks of a window.
        seed: of the job.
        epoch: from 0.
        shuffle: False: the rows in their own order; "batch": only the order of blocks, which are batches,
            changes, and a short last one stays last.
    """

    samples: int
    block: int
    blocks_per_window: int
    seed: int = 0
    epoch: int = 0
    shuffle: Shuffle = True

    @classmethod
    def fitting(
        cls,
        samples: int,
        row_bytes: int,
        block_rows: int,
        window_bytes: int,
        *,
        batch_size: int = 1,
        shuffle: Shuffle = True,
    ) -> EpochOrder:
        """Choose blocks and windows from facts of the source alone, so that every process chooses the same.

        Args:
            samples: number of rows.
            row_bytes: bytes of a row.
            block_rows: rows that are best read together.
            window_bytes: what a window may take in memory; one block is always allowed.
            batch_size: rows of a batch; matters for `shuffle="batch"` only.
            shuffle: as the attribute.
        """
        per_window = max(1, window_bytes // max(1, row_bytes))
        if shuffle == "batch":
            return cls(samples, batch_size, max(1, per_window // batch_size), shuffle=shuffle)
        # Blocks of a 64th of the window, or a multiple of the chunk: short enough to mix well.
        block = max(block_rows, per_window // 64 // block_rows * block_rows, -(-samples // MAX_BLOCKS))
        block = -(-block // block_rows) * block_rows
        return cls(samples, block, max(1, per_window // block), shuffle=shuffle)

    @property
    def blocks(self) -> int:
        """Number of blocks; the last one can be short."""
        return -(-self.samples // self.block)

    @property
    def windows(self) -> int:
        """Number of windows."""
        return -(-self.blocks // self.blocks_per_window)

    def window_at(self, position: int) -> int:
        """Return the number of the window that holds a position."""
        guess = min(position // (self.block * self.blocks_per_window), self.windows - 1)
        # The short block can stand anywhere, so that windows behind it begin earlier.
        return guess + 1 if guess + 1 < self.windows and position >= self.start(guess + 1) else guess

    def start(self, window: int) -> int:
        """Return the first position of a window."""
        before = min(window * self.blocks_per_window, self.blocks)
        short = self.blocks * self.block - self.samples
        return before * self.block - (short if self._place_of_short_block < before else 0)

    def window(self, window: int) -> Window:
        """Return the rows of a window and their order."""
        first = window * self.blocks_per_window
        blocks = self._block_order[first : first + self.blocks_per_window]
        rows = self._rows_of(np.sort(blocks))  # ascending, as they are best read
        places: Indices | None = None
        if self.shuffle == "batch":
            places = np.searchsorted(rows, self._rows_of(blocks))
        elif self.shuffle:
            places = self._random(1 + window).permutation(len(rows))
        return Window(self.start(window), rows, places)

    def _rows_of(self, blocks: Indices) -> Indices:
        spans = [(b * self.block, min((b + 1) * self.block, self.samples)) for b in blocks.tolist()]
        return np.concatenate([np.arange(a, b, dtype=np.int64) for a, b in spans])

    @cached_property
    def _block_order(self) -> Indices:
        if not self.shuffle:
            return np.arange(self.blocks, dtype=np.int64)
        if self.shuffle == "batch":
            full = self.samples // self.block
            return np.concatenate([self._random(0).permutation(full), np.arange(full, self.blocks)])
        return self._random(0).permutation(self.blocks)

    @cached_property
    def _place_of_short_block(self) -> int:
        return int(np.flatnonzero(self._block_order == self.blocks - 1)[0])

    def _random(self, stream: int) -> np.random.Generator:
        key = np.array([self.seed % (1 << 64), self.epoch], dtype=np.uint64)
        counter = np.array([0, 0, 0, stream], dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=key, counter=counter))
