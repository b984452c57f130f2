"""Rows of HDF5 datasets, read in sorted contiguous slices, never whole."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from batchyard.workers.errors import SourceError
from batchyard.workers.sources.base import Array, Rows, Source

__all__ = ["HDF5Source"]


class HDF5Source(Source):
    """Datasets of one HDF5 file.

    The file is opened by each process for itself. Links to other files are refused: who may write the file
    could otherwise read with the worker's rights.

    Args:
        path: the file.
        inputs: names of the datasets that the model is fed with.
        targets: names of its targets.
        weights: name of the rows' weights.
    """

    def __init__(
        self, path: str | Path, inputs: Sequence[str], targets: Sequence[str] = (), weights: str | None = None
    ):
        self.path = Path(path)
        self._names = (tuple(inputs), tuple(targets), (weights,) if weights else ())
        self._file: h5py.File | None = None
        self._pid = 0
        columns = [self._dataset(name) for group in self._names for name in group]
        lengths = {column.name: column.shape[0] for column in columns}
        if len(set(lengths.values())) != 1:
            raise SourceError(f"{self.path}: datasets differ in their number of rows: {lengths}")
        self.samples = int(columns[0].shape[0])
        self.row_bytes = sum(c.dtype.itemsize * int(np.prod(c.shape[1:], dtype=np.int64)) for c in columns)
        # Rows of the largest chunk: the other columns are small beside it.
        largest = max(columns, key=lambda c: c.dtype.itemsize * c.size)
        self.block_rows = largest.chunks[0] if largest.chunks else 1

    def rows(self, indices: NDArray[np.int64]) -> Rows:
        """Read rows; runs of neighbours are read at once."""
        if len(indices) > 1 and not np.all(np.diff(indices) > 0):
            unique, inverse = np.unique(indices, return_inverse=True)
            return self._read(unique).take(inverse)
        return self._read(indices)

    def close(self) -> None:
        """Close the file; a later `rows` opens it again."""
        if self._file is not None and self._pid == os.getpid():
            self._file.close()
        self._file = None

    def _read(self, ascending: NDArray[np.int64]) -> Rows:
        breaks = np.flatnonzero(np.diff(ascending) != 1) + 1
        runs = [(int(r[0]), int(r[-1]) + 1) for r in np.split(ascending, breaks) if len(r)]
        inputs, targets, weights = (tuple(self._column(name, runs) for name in g) for g in self._names)
        return Rows(inputs, targets, weights[0] if weights else None)

    def _column(self, name: str, runs: list[tuple[int, int]]) -> Array:
        dataset = self._dataset(name)
        column: Array = np.empty((sum(b - a for a, b in runs), *dataset.shape[1:]), dtype=dataset.dtype)
        filled = 0
        for start, stop in runs:
            try:
                dataset.read_direct(column, np.s_[start:stop], np.s_[filled : filled + stop - start])
            except OSError as error:
                raise SourceError(
                    f"{self.path}: rows {start} to {stop - 1} of dataset {name!r} cannot be read: {error}. "
                    "The file is damaged; write it anew"
                ) from error
            filled += stop - start
        return column

    def _dataset(self, name: str) -> Any:
        if self._file is None or self._pid != os.getpid():
            self._file, self._pid = self._open(), os.getpid()
        return _local_dataset(self._file, name, self.path)

    def _open(self) -> h5py.File:
        try:
            return h5py.File(self.path, "r", locking=False)
        except FileNotFoundError as error:
            raise SourceError(
                f"{self.path}: there is no such file on this worker; is the folder shared?"
            ) from error
        except OSError as error:
            raise SourceError(
                f"{self.path}: expected an HDF5 file, it cannot be opened: {error}. "
                "It is truncated or no HDF5 file; write it anew"
            ) from error


def _local_dataset(file: h5py.File, name: str, path: Path) -> Any:
    """Return a dataset whose bytes lie in this file (or, virtual, in files beneath its folder)."""
    group: Any = file
    for part in name.strip("/").split("/"):
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
        if link is None:
            known = ", ".join(group) if isinstance(group, h5py.Group) else "no members"
            raise SourceError(f"{path}: there is no dataset {name!r}; {group.name} has: {known or 'nothing'}")
        if isinstance(link, h5py.ExternalLink):
            raise SourceError(
                f"{path}: {name!r} is a link to another file ({link.filename}); name that file itself"
            )
        group = group[part]
    if not isinstance(group, h5py.Dataset) or not group.shape:
        raise SourceError(f"{path}: {name!r} is no dataset with rows")
    if group.dtype.kind not in "biuf":
        raise SourceError(f"{path}: dataset {name!r} holds {group.dtype}, expected numbers")
    if group.external:
        raise SourceError(f"{path}: the bytes of {name!r} lie outside of the file; copy them into it")
    if group.is_virtual:
        folder = path.resolve().parent
        for piece in group.virtual_sources():
            if piece.file_name != "." and not (folder / piece.file_name).resolve().is_relative_to(folder):
                raise SourceError(f"{path}: {name!r} is a view of {piece.file_name}, outside of {folder}")
    return group
