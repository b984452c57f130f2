"""Sources as the training loop's data: rows by position, or a Sequence's batches."""

from __future__ import annotations

import numpy as np

from batchyard.models.training import EvaluationData, GlobalBatch, TrainingData
from batchyard.workers.sources.base import Rows, Source
from batchyard.workers.sources.lanes import BatchInMemory, LaneFormat, LazyBatch
from batchyard.workers.sources.order import Shuffle
from batchyard.workers.sources.prefetch import Prefetcher
from batchyard.workers.sources.sequence import SequenceSource
from batchyard.workers.sources.windows import WINDOW_BYTES, Windows

__all__ = ["RowEvaluation", "RowTraining", "SequenceEvaluation", "SequenceTraining"]

#: Batches of a Sequence that are made ahead.
SEQUENCE_DEPTH = 2


class _WindowBatch(LazyBatch):
    """The rows at some positions of an epoch.

    Args:
        windows: the epoch's rows.
        start: first position.
        rows: number of rows.
        format: how rows become tensors.
    """

    def __init__(self, windows: Windows, start: int, rows: int, format: LaneFormat):
        super().__init__(rows, format)
        self._windows = windows
        self._start = start

    def read(self, start: int, stop: int) -> Rows:
        """Return rows of the batch."""
        return self._windows.rows(self._start + start, self._start + stop)


class RowTraining(TrainingData):
    """Training batches of a source's rows.

    Args:
        source: where the rows come from.
        batch_size: rows of a batch.
        shuffle: whether each epoch has an order of its own.
        format: how rows become tensors.
        window_bytes: what one window may take in memory.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        shuffle: Shuffle,
        format: LaneFormat,
        *,
        window_bytes: int = WINDOW_BYTES,
    ):
        self.samples = source.samples
        self.batch_size = batch_size
        self.steps_per_epoch = -(-self.samples // batch_size)
        self._format = format
        self._windows = Windows(source, shuffle=shuffle, batch_size=batch_size, window_bytes=window_bytes)

    def begin_epoch(self, epoch: int, seed: int) -> None:
        """Fix the order of rows."""
        self._windows.begin_epoch(epoch, seed)

    def batch(self, step: int) -> GlobalBatch:
        """Return batch `step` of the epoch begun last."""
        start = step * self.batch_size
        return _WindowBatch(self._windows, start, min(self.batch_size, self.samples - start), self._format)

    def close(self) -> None:
        """End reading ahead and close the source's files."""
        self._windows.close()
        self._windows.source.close()


class RowEvaluation(EvaluationData):
    """Evaluation batches of a source's rows, in their own order.

    Args:
        source: where the rows come from.
        batch_size: rows of a batch.
        format: how rows become tensors.
    """

    def __init__(self, source: Source, batch_size: int, format: LaneFormat):
        self.samples = source.samples
        self.batch_size = batch_size
        self.steps = -(-self.samples // batch_size)
        self._format = format
        self._windows = Windows(source, shuffle=False)

    def batch(self, step: int) -> GlobalBatch:
        """Return batch `step`."""
        start = step * self.batch_size
        return _WindowBatch(self._windows, start, min(self.batch_size, self.samples - start), self._format)

    def close(self) -> None:
        """End reading ahead and close the source's files."""
        self._windows.close()
        self._windows.source.close()


class SequenceTraining(TrainingData):
    """Training batches of a Sequence; shuffling changes the order of its batches.

    Args:
        sequence: the batches.
        batch_size: rows of a full batch, for counting only.
        shuffle: whether each epoch has an order of its own.
        format: how rows become tensors.
    """

    def __init__(self, sequence: SequenceSource, batch_size: int, shuffle: Shuffle, format: LaneFormat):
        self.steps_per_epoch = len(sequence)
        self.batch_size = batch_size
        self.samples = self.steps_per_epoch * batch_size
        self._sequence = sequence
        self._shuffle = shuffle
        self._format = format
        self._order = np.arange(self.steps_per_epoch)
        self._ahead = Prefetcher(sequence.batch, depth=SEQUENCE_DEPTH)

    def begin_epoch(self, epoch: int, seed: int) -> None:
        """Fix the order of batches."""
        if self._shuffle:
            key = np.array([seed % (1 << 64), epoch], dtype=np.uint64)
            self._order = np.random.Generator(np.random.Philox(key=key)).permutation(self.steps_per_epoch)
        order = self._order
        self._ahead.close()
        self._ahead = Prefetcher(lambda step: self._sequence.batch(int(order[step])), depth=SEQUENCE_DEPTH)

    def batch(self, step: int) -> GlobalBatch:
        """Return batch `step` of the epoch begun last."""
        return BatchInMemory(self._ahead.get(step, self.steps_per_epoch), self._format)

    def close(self) -> None:
        """End making batches ahead."""
        self._ahead.close()


class SequenceEvaluation(EvaluationData):
    """Evaluation batches of a Sequence.

    Args:
        sequence: the batches.
        batch_size: rows of a full batch, for counting only.
        format: how rows become tensors.
    """

    def __init__(self, sequence: SequenceSource, batch_size: int, format: LaneFormat):
        self.steps = len(sequence)
        self.batch_size = batch_size
        self.samples = self.steps * batch_size
        self._format = format
        self._ahead = Prefetcher(sequence.batch, depth=SEQUENCE_DEPTH)

    def batch(self, step: int) -> GlobalBatch:
        """Return batch `step`."""
        return BatchInMemory(self._ahead.get(step, self.steps), self._format)

    def close(self) -> None:
        """End making batches ahead."""
        self._ahead.close()
