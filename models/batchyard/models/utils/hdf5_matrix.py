"""A dataset in an HDF5 file, used like an array and read in pieces."""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import h5py
import numpy as np
from numpy.typing import NDArray

from batchyard.models.errors import DataError

__all__ = ["HDF5Matrix"]


class HDF5Matrix:
    """Some rows of a dataset in an HDF5 file: `fit`, `evaluate` and `predict` read them batch by batch.

    Matrices of the same file share one open file, which is closed with the last of them.

    Args:
        datapath: path of the file.
        dataset: name of the dataset in it.
        start: the first row.
        end: the row after the last one; the dataset's end by default.
        normalizer: called with what was read; its result is used instead.

    Example:
        >>> x = HDF5Matrix("data.h5", "features", start=0, end=150)  # doctest: +SKIP
        >>> model.predict(x)  # doctest: +SKIP

    Source: Keras 2.2.4, `utils.HDF5Matrix`.
    """

    #: Open files by path, and who uses them.
    refs: ClassVar[defaultdict[str, Any]] = defaultdict(lambda: None)
    _users: ClassVar[defaultdict[str, int]] = defaultdict(int)

    def __init__(
        self,
        datapath: str,
        dataset: str,
        start: int = 0,
        end: int | None = None,
        normalizer: Callable[[NDArray[Any]], Any] | None = None,
    ) -> None:
        path = str(datapath)
        file = self.refs.get(path)
        if file is None or not file:
            file = self.refs[path] = h5py.File(path, "r")
        self._users[path] += 1
        weakref.finalize(self, self._release, path)
        if dataset not in file:
            raise DataError(f"{path} has no dataset {dataset!r}. It has {sorted(file)}.")
        self.data = file[dataset]
        self.start = start
        self.end = self.data.shape[0] if end is None else end
        self.normalizer = normalizer
        if normalizer is None or self.data.shape[0] == 0:
            self._base_shape = tuple(self.data.shape[1:])
            self._base_dtype = self.data.dtype
        else:
            first = np.asarray(normalizer(self.data[0:1]))
            self._base_shape = first.shape[1:]
            self._base_dtype = first.dtype

    @classmethod
    def _release(cls, path: str) -> None:
        cls._users[path] -= 1
        if cls._users[path] <= 0:
            cls._users.pop(path)
            file = cls.refs.pop(path, None)
            if file:
                file.close()

    def __len__(self) -> int:
        return int(self.end - self.start)

    def __getitem__(self, key: int | slice | Sequence[int] | NDArray[Any]) -> Any:
        """Reads rows: one, a slice, or any numbers in any order."""
        rows = self._rows(key)
        return rows if self.normalizer is None else self.normalizer(rows)

    def _rows(self, key: Any) -> Any:
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step < 1:
                raise DataError(f"An HDF5Matrix is read forwards only. Received: a slice with step {step}.")
            if key.stop is not None and key.stop > len(self):
                raise IndexError(f"Rows up to {key.stop} of an HDF5Matrix of {len(self)} rows.")
            return self.data[self.start + start : self.start + max(start, stop) : step]
        if isinstance(key, int | np.integer):
            if not -len(self) <= key < len(self):
                raise IndexError(f"Row {key} of an HDF5Matrix of {len(self)} rows.")
            return self.data[int(key) % len(self) + self.start]
        if key is None:
            raise TypeError("An HDF5Matrix needs the numbers of rows. Received: None.")
        wanted = np.asarray(key)
        if wanted.dtype == bool:
            wanted = np.flatnonzero(wanted)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise IndexError(f"Rows {wanted.min()} to {wanted.max()} of an HDF5Matrix of {len(self)} rows.")
        numbers, place = np.unique(wanted, return_inverse=True)  # HDF5 reads rising indices only
        return self.data[numbers + self.start][place] if wanted.size else self.data[0:0]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the rows, with their number first."""
        return (len(self), *self._base_shape)

    @property
    def dtype(self) -> Any:
        """The dtype of what is read."""
        return self._base_dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape))
