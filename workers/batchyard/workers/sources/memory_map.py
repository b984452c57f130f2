"""Rows of `.npy` and `.npz` files through memory maps."""

from __future__ import annotations

import shutil
import struct
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from batchyard.workers.errors import SourceError
from batchyard.workers.sources.base import Array, Rows, Source

__all__ = ["MemoryMapSource", "map_npy", "map_npz"]

#: Length of a zip member's local header without its two variable fields, whose lengths stand at byte 26.
LOCAL_HEADER = 30


class MemoryMapSource(Source):
    """Rows of arrays that are mapped into memory, not read.

    Args:
        inputs: arrays by name that the model is fed with.
        targets: its targets.
        weights: the rows' weights.
    """

    def __init__(
        self, inputs: Mapping[str, Array], targets: Mapping[str, Array], weights: Array | None = None
    ):
        columns = {**inputs, **targets} | ({} if weights is None else {"sample_weight": weights})
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) != 1:
            raise SourceError(f"arrays differ in their number of rows: {lengths}")
        self._rows = Rows(tuple(inputs.values()), tuple(targets.values()), weights)
        self.samples = len(self._rows)
        self.row_bytes = max(1, self._rows.nbytes // max(1, self.samples))

    def rows(self, indices: NDArray[np.int64]) -> Rows:
        """Read rows."""
        return self._rows.take(indices)


def map_npy(path: Path) -> Array:
    """Map the array of a `.npy` file.

    Raises:
        SourceError: There is no such file, or it is damaged or holds Python objects.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file on this worker; is the folder shared?") from error
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(f"{path}: expected a .npy file of numbers: {error}") from error
    return _checked(array, str(path))


def map_npz(path: Path, names: Sequence[str]) -> dict[str, Array]:
    """Map arrays of a `.npz` file.

    Stored members are mapped where they lie; compressed ones are unpacked to a temporary file first.

    Raises:
        SourceError: There is no such file or member, or it is damaged or holds Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if missing := [name for name in names if name not in members]:
                raise SourceError(f"{path}: there is no array {missing[0]!r}; it has: {', '.join(members)}")
            return {
                name: _checked(_map_member(archive, path, members[name]), f"{path}: {name}") for name in names
            }
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file on this worker; is the folder shared?") from error
    except SourceError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, struct.error) as error:
        raise SourceError(f"{path}: expected a .npz file of numbers: {error}") from error


def _map_member(archive: zipfile.ZipFile, path: Path, info: zipfile.ZipInfo) -> Array:
    if info.compress_type == zipfile.ZIP_STORED:
        with path.open("rb") as file:
            file.seek(info.header_offset + 26)
            name_length, extra_length = struct.unpack("<HH", file.read(4))
            file.seek(info.header_offset + LOCAL_HEADER + name_length + extra_length)
            return _map_open(file, str(path))
    with tempfile.TemporaryFile() as unpacked:
        with archive.open(info) as member:
            shutil.copyfileobj(member, unpacked, 1 << 20)
        unpacked.seek(0)
        return _map_open(unpacked, str(path))


def _map_open(file: IO[bytes], what: str) -> Array:
    """Map the array whose `.npy` header begins at the file's position."""
    version = np.lib.format.read_magic(file)
    read: Any = (
        np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    )
    shape, fortran, dtype = read(file)
    if dtype.hasobject:
        raise ValueError(f"{what} holds Python objects")
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(file, dtype, "r", file.tell(), shape, "F" if fortran else "C")


def _checked(array: Array, what: str) -> Array:
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        raise SourceError(f"{what}: expected rows of numbers, found {array.dtype} of shape {array.shape}")
    return array
