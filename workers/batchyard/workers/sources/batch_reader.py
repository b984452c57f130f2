"""Batches by number, for predict and evaluate: in the order of the rows, without tensors."""

from __future__ import annotations

from batchyard.workers.errors import SourceError
from batchyard.workers.sources.base import Rows, Source
from batchyard.workers.sources.prefetch import Prefetcher
from batchyard.workers.sources.sequence import SequenceSource

__all__ = ["BatchReader"]

#: Batches that are read ahead.
DEPTH = 2


class BatchReader:
    """Batches by number, the next ones being read ahead.

    Args:
        source: rows, or a Sequence's batches; all of the latter but the last must have `batch_size` rows.
        batch_size: rows of a full batch.
    """

    def __init__(self, source: Source | SequenceSource, batch_size: int):
        self.batch_size = batch_size
        self._source = source
        if isinstance(source, Source):
            self.batches = -(-source.samples // batch_size)
        else:
            self.batches = len(source)
        self._ahead = Prefetcher(self._load, depth=DEPTH)

    def first_row(self, batch: int) -> int:
        """Return the number of a batch's first row."""
        return batch * self.batch_size

    def read(self, batch: int, stop: int) -> Rows:
        """Return a batch; the last one of all can be short.

        Args:
            batch: its number.
            stop: batches from here on are not read ahead.

        Raises:
            SourceError: Its rows cannot be read.
        """
        return self._ahead.get(batch, min(stop, self.batches))

    def close(self) -> None:
        """End reading ahead and close files."""
        self._ahead.close()
        if isinstance(self._source, Source):
            self._source.close()

    def _load(self, batch: int) -> Rows:
        if isinstance(self._source, Source):
            start = self.first_row(batch)
            return self._source.span(start, min(start + self.batch_size, self._source.samples))
        rows = self._source.batch(batch)
        if len(rows) > self.batch_size or (len(rows) < self.batch_size and batch < self.batches - 1):
            raise SourceError(
                f"{self._source.name}[{batch}]: expected {self.batch_size} rows (the job's batch_size), "
                f"received {len(rows)}; only the last batch may have fewer"
            )
        return rows
