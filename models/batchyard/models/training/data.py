"""Where the rows of a `fit` come from, batch by batch and lane by lane."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchyard.models.errors import DataError
from batchyard.models.training.lanes import lane_rows

__all__ = ["ArrayData", "Columns", "EvaluationData", "GlobalBatch", "Lane", "TrainingData", "read_rows"]

Shuffle = bool | Literal["batch"]

#: The memory of a new array begins at a multiple of so many bytes.
_ARRAY_ALIGNMENT = 16

#: Row numbers in any order, as an int64 array or tensor, or a slice with start and stop.
Index = NDArray[np.int64] | Tensor | slice


@dataclass(frozen=True)
class Lane:
    """The rows of one lane (or of a whole batch), as fresh contiguous tensors on the model's device.

    Attributes:
        inputs: one tensor per model input.
        targets: one tensor per model output.
        sample_weights: one tensor per output, None where all rows weigh 1.
    """

    inputs: list[Tensor]
    targets: list[Tensor]
    sample_weights: list[Tensor | None]


class GlobalBatch(ABC):
    """A cheap handle on one batch; rows are read when a lane is asked for.

    Attributes:
        rows: the number of rows.
        denominators: for each output, what its summed losses are divided by: the number of rows, or with
            sample weights the number of weights that are not zero (Keras's rule); for the whole batch, not
            for a lane.
    """

    rows: int
    denominators: list[float]

    @abstractmethod
    def lane(self, rows: slice) -> Lane:
        """Reads rows `rows.start … rows.stop - 1` of the batch."""


class TrainingData(ABC):
    """An indexed source of training batches.

    Attributes:
        samples: rows of an epoch.
        batch_size: rows of a batch; the last one of an epoch may have fewer.
        steps_per_epoch: batches of an epoch.
    """

    samples: int
    batch_size: int
    steps_per_epoch: int

    @abstractmethod
    def begin_epoch(self, epoch: int, seed: int) -> None:
        """Fixes the order of rows: a pure function of (seed, epoch)."""

    @abstractmethod
    def batch(self, step: int) -> GlobalBatch:
        """Returns batch `step` of the epoch begun last."""


class EvaluationData(ABC):
    """An indexed source of evaluation batches, always in the order of the rows.

    Attributes:
        samples: number of rows.
        batch_size: rows of a batch; the last one may have fewer.
        steps: number of batches.
    """

    samples: int
    batch_size: int
    steps: int

    @abstractmethod
    def batch(self, step: int) -> GlobalBatch:
        """Returns batch `step`."""


@dataclass(frozen=True)
class Columns:
    """Equally long arrays: what a model is fed with.

    Attributes:
        inputs: per model input, anything that has `shape`, `dtype` and can be sliced: array, tensor, h5py
            dataset.
        targets: per model output; empty for prediction.
        sample_weights: per model output an array, or None where all rows weigh 1.
        input_dtypes: the dtype in which the model takes each input.
        target_dtypes: the dtype in which the losses take each target.
        device: the model's device.
    """

    inputs: list[Any]
    targets: list[Any]
    sample_weights: list[Any]
    input_dtypes: list[torch.dtype]
    target_dtypes: list[torch.dtype]
    device: torch.device

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.inputs[0].shape[0])

    @cached_property
    def weighted(self) -> bool:
        """Whether there are sample weights."""
        return any(weights is not None for weights in self.sample_weights)

    def split(self, at: int) -> tuple[Columns, Columns]:
        """Returns the rows before `at` and those from `at` on; neither is copied."""
        return self.cut(0, at), self.cut(at, self.rows)

    def cut(self, start: int, stop: int) -> Columns:
        """Returns rows `start … stop - 1`, without copying them."""

        def cut(column: Any) -> Any:
            return (
                None
                if column is None
                else _Window(column, start, stop)
                if _on_disk(column)
                else column[start:stop]
            )

        return Columns(
            [cut(c) for c in self.inputs],
            [cut(c) for c in self.targets],
            [cut(c) for c in self.sample_weights],
            self.input_dtypes,
            self.target_dtypes,
            self.device,
        )

    @cached_property
    def _sources(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Inputs, targets and weights: arrays as tensors that share their memory."""
        inputs, targets, weights = (
            [_as_source(column) for column in columns]
            for columns in (self.inputs, self.targets, self.sample_weights)
        )
        return inputs, targets, weights

    def inputs_to_view(self, batch_size: int) -> list[Tensor] | None:
        """Returns all rows of the inputs where they lie, if batches can be computed there; None if not.

        That is, if each batch is a tensor of the right type and device whose memory begins where that of an
        array may.
        """
        tensors = [column for column in self._sources[0] if isinstance(column, Tensor)]
        if len(tensors) < len(self.inputs):
            return None
        for tensor, dtype in zip(tensors, self.input_dtypes, strict=True):
            step = batch_size * math.prod(tensor.shape[1:]) * dtype.itemsize
            if tensor.dtype is not dtype or tensor.device != self.device or not tensor.is_contiguous():
                return None
            if tensor.data_ptr() % _ARRAY_ALIGNMENT or step % _ARRAY_ALIGNMENT:
                return None
        return tensors

    def lane(self, index: Index) -> Lane:
        """Reads the given rows."""
        inputs, targets, weights = self._sources
        return Lane(
            [read_rows(c, index, t, self.device) for c, t in zip(inputs, self.input_dtypes, strict=True)],
            [read_rows(c, index, t, self.device) for c, t in zip(targets, self.target_dtypes, strict=True)],
            [
                None if c is None else read_rows(c, index, t, self.device)
                for c, t in zip(weights, self.target_dtypes, strict=True)
            ],
        )


class _ArrayBatch(GlobalBatch):
    """Some rows of columns."""

    def __init__(self, columns: Columns, index: Index, rows: int) -> None:
        self.rows = rows
        self._columns = columns
        self._index = index
        if not columns.weighted:
            self.denominators = [float(rows)] * len(columns.targets)

    @cached_property
    def denominators(self) -> list[float]:  # type: ignore[override]
        counts = []
        for weights in self._columns.sample_weights:
            if weights is None:
                counts.append(float(self.rows))
            else:
                read = read_rows(weights, self._index, torch.float64, torch.device("cpu"))
                counts.append(float(torch.count_nonzero(read)))
        return counts

    def lane(self, rows: slice) -> Lane:
        if isinstance(self._index, slice):
            start = self._index.start
            return self._columns.lane(slice(start + rows.start, start + rows.stop))
        whole = rows.start == 0 and rows.stop == self.rows
        return self._columns.lane(self._index if whole else self._index[rows])


class ArrayData(TrainingData):
    """Training batches from arrays, tensors or h5py datasets; the latter are read batch by batch, never
    whole.

    Args:
        columns: the data.
        batch_size: rows of a batch.
        shuffle: True for a new order of rows each epoch, False for none, "batch" for a new order of batches.
    """

    def __init__(self, columns: Columns, batch_size: int, shuffle: Shuffle = True) -> None:
        if batch_size < 1:
            raise DataError(f"batch_size must be at least 1. Received: batch_size={batch_size}.")
        if columns.rows < 1:
            raise DataError("There are no rows to train on. Received: arrays of length 0.")
        self.columns = columns
        self.samples = columns.rows
        self.batch_size = batch_size
        self.steps_per_epoch = -(-self.samples // batch_size)
        self.shuffle = shuffle
        self._order: Tensor | None = None

    def limit(self, steps: int) -> None:
        """Uses at most so many batches of an epoch."""
        self.steps_per_epoch = min(self.steps_per_epoch, steps)

    def begin_epoch(self, epoch: int, seed: int) -> None:
        """Draws the order of rows from Philox keyed by (seed, epoch)."""
        if not self.shuffle:
            return
        random = np.random.Generator(np.random.Philox(key=np.array([seed, epoch], dtype=np.uint64)))
        if self.shuffle == "batch":
            # A last batch with fewer rows stays last.
            self._order = torch.from_numpy(random.permutation(self.samples // self.batch_size))
        else:
            self._order = torch.from_numpy(random.permutation(self.samples))

    def batch(self, step: int) -> GlobalBatch:
        """Returns batch `step` of the epoch begun last."""
        start = step * self.batch_size
        stop = min(start + self.batch_size, self.samples)
        if self._order is None:
            return _ArrayBatch(self.columns, slice(start, stop), stop - start)
        if self.shuffle == "batch":
            if step < len(self._order):
                start = int(self._order[step]) * self.batch_size
                stop = start + self.batch_size
            return _ArrayBatch(self.columns, slice(start, stop), stop - start)
        return _ArrayBatch(self.columns, self._order[start:stop], stop - start)


class ArrayEvaluation(EvaluationData):
    """Evaluation batches from arrays, tensors or h5py datasets.

    Args:
        columns: the data.
        batch_size: rows of a batch.
    """

    def __init__(self, columns: Columns, batch_size: int) -> None:
        self.columns = columns
        self.samples = columns.rows
        self.set_batch_size(batch_size)

    def set_batch_size(self, batch_size: int) -> None:
        """Uses all rows, in batches of another size."""
        if batch_size < 1:
            raise DataError(f"batch_size must be at least 1. Received: batch_size={batch_size}.")
        self.batch_size = batch_size
        self.steps = -(-self.samples // batch_size)

    def limit(self, steps: int) -> None:
        """Uses at most so many batches."""
        self.steps = min(self.steps, steps)

    def batch(self, step: int) -> GlobalBatch:
        """Returns batch `step`."""
        start = step * self.batch_size
        stop = min(start + self.batch_size, self.samples)
        return _ArrayBatch(self.columns, slice(start, stop), stop - start)


class TensorBatch(GlobalBatch):
    """A batch whose rows are in memory already, as arrays or tensors (`train_on_batch`, workers' sources).

    Args:
        columns: the rows.
    """

    def __init__(self, columns: Columns) -> None:
        whole = _ArrayBatch(columns, slice(0, columns.rows), columns.rows)
        self.rows = whole.rows
        self.denominators = whole.denominators
        self._columns = columns

    def lane(self, rows: slice) -> Lane:
        """Copies rows of the batch."""
        return self._columns.lane(rows)


def lanes_of(batch: GlobalBatch, lanes: int, owned: range) -> list[tuple[int, slice]]:
    """Returns (lane, rows) of each owned lane that has rows in this batch."""
    cut = [(lane, lane_rows(batch.rows, lanes, lane)) for lane in owned]
    return [(lane, rows) for lane, rows in cut if rows.stop > rows.start]


def read_rows(column: Any, index: Index, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Reads rows into a new contiguous tensor of its own.

    Args:
        column: array, tensor or h5py dataset.
        index: of the rows.
        dtype: of the result.
        device: of the result.
    """
    if isinstance(column, Tensor):
        if isinstance(index, slice):
            tensor = column[index.start : index.stop].clone(memory_format=torch.contiguous_format)
        else:
            numbers = index if isinstance(index, Tensor) else torch.from_numpy(index)
            tensor = column.index_select(0, numbers.to(column.device))
    else:
        at = index.numpy() if isinstance(index, Tensor) else index
        if _on_disk(column):
            tensor = torch.from_numpy(_read_dataset(column, at))
        else:
            tensor = torch.from_numpy(np.array(column[at], order="C"))
    if tensor.dtype is not dtype:
        tensor = tensor.to(dtype, memory_format=torch.contiguous_format)
    if tensor.device == device:
        return tensor
    if device.type == "cuda":  # the copy to the device goes on while the next rows are read
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _as_source(column: Any) -> Any:
    """Returns an array as a tensor that shares its memory; anything else as it is.

    Arrays that cannot be written to, such as memory maps, stay what they are: torch warns of them.
    """
    if isinstance(column, np.ndarray) and column.flags.writeable:
        return torch.from_numpy(column)
    return column


def _on_disk(column: Any) -> bool:
    return not isinstance(column, Tensor | np.ndarray)


def _read_dataset(column: Any, index: NDArray[np.int64] | slice) -> NDArray[Any]:
    if isinstance(index, slice):
        return np.ascontiguousarray(column[index.start : index.stop])
    order = np.argsort(index, kind="stable")
    read = np.asarray(column[index[order]])  # HDF5 reads rising indices only
    rows = np.empty_like(read)
    rows[order] = read
    return rows


class _Window:
    """Some rows of a dataset on disk, without reading them.

    Args:
        column: the dataset.
        start: the first row.
        stop: the row after the last one.
    """

    def __init__(self, column: Any, start: int, stop: int) -> None:
        self._column = column
        self._start = start
        self.shape: tuple[int, ...] = (stop - start, *column.shape[1:])
        self.dtype = column.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            start, stop, _ = index.indices(self.shape[0])
            return self._column[self._start + start : self._start + stop]
        return self._column[np.asarray(index) + self._start]


def as_list(value: Any) -> list[Any]:
    """Returns a list or tuple as a list, anything else as a list of one; None gives an empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
