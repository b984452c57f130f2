"""Part files: what one range task computed, for the join to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from batchyard.scheduler.protocol import JobRecord, TaskRecord

__all__ = ["PartWriter", "part_name", "parts_folder", "read_slices"]

Array = NDArray[Any]

#: Bytes of a part that are in memory at once while it is joined.
SLICE_BYTES = 16 << 20


def parts_folder(job: JobRecord) -> Path:
    """Return the folder of a job's part files."""
    return Path(job.directory) / "parts"


def part_name(task: TaskRecord) -> str:
    """Return the name of a range's part file. No two attempts share one, so none spoils another's."""
    return f"{task.start:09d}-{task.stop:09d}.{task.id}.{task.attempt}.h5"


class PartWriter:
    """Writes the rows of a range as they come; memory holds one batch.

    Args:
        path: the file, usually temporary.
        rows: number of rows to come.
    """

    def __init__(self, path: Path, rows: int):
        self._file = h5py.File(path, "w")
        self._rows = rows
        self._filled = 0

    def append(self, columns: Mapping[str, Array]) -> None:
        """Add rows; all columns are equally long."""
        count = 0
        for name, values in columns.items():
            count = len(values)
            if name not in self._file:
                shape = (self._rows, *values.shape[1:])
                self._file.create_dataset(name, shape, values.dtype, track_times=False)
            self._file[name][self._filled : self._filled + count] = values
        self._filled += count

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if error is None and self._filled != self._rows:
            raise AssertionError(f"{self._filled} of {self._rows} rows were written")


def read_slices(dataset: Any) -> Iterator[tuple[int, Array]]:
    """Yield `(first row, rows)` of a dataset, piece by piece."""
    row_bytes = dataset.dtype.itemsize * int(np.prod(dataset.shape[1:], dtype=np.int64))
    step = max(1, SLICE_BYTES // max(1, row_bytes))
    for start in range(0, dataset.shape[0], step):
        yield start, dataset[start : start + step]
