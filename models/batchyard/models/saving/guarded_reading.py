"""Reading HDF5 that somebody else wrote, without trusting it.

What is read lies in the file itself: links to other files, data stored in other files and virtual
datasets, which would all let a file name paths of this machine, are refused. A dataset's shape is
compared with the one that is expected before anything is allocated for it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from batchyard.models.errors import ModelFileError
from batchyard.models.saving.heap_check import check_heaps, check_heaps_in
from batchyard.models.saving.stored_chunks import check_chunks

#: What functions that read or write accept as a file.
FileLike: TypeAlias = str | os.PathLike[str] | h5py.Group | BinaryIO | io.IOBase

#: The most groups within each other that a name may go through.
_DEPTH_LIMIT = 200
#: The largest number that a weight can be, in bytes.
_LARGEST_NUMBER = 8


@contextmanager
def open_for_reading(source: FileLike) -> Iterator[h5py.Group]:
    """Open an HDF5 file by path or from a binary stream; an open file or group is passed on.

    Raises:
        ModelFileError: where it is no HDF5 file, or a damaged one.
    """
    if isinstance(source, h5py.Group):
        yield source
        return
    name = os.fspath(source) if isinstance(source, str | os.PathLike) else source
    try:
        if isinstance(name, str):
            check_heaps(name)
            file = h5py.File(name, "r")
        else:
            file = _open_stream(name)
    except FileNotFoundError:
        raise ModelFileError(
            f"There is no file {name!r}. Check the path (relative to {os.getcwd()})."
        ) from None
    except ModelFileError:
        raise
    except (ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"Expected {name!r} to be an HDF5 file (.h5) of a Keras model; it can't be opened: {error}. "
            "It is another kind of file, or was not written to its end: take another copy."
        ) from error
    with file:
        yield file


def _open_stream(stream: Any) -> h5py.File:
    """Open what a stream holds from its beginning; all of it is read, as its texts are looked at first."""
    stream.seek(0)
    data = stream.read()
    if not isinstance(data, bytes):
        raise ModelFileError(
            f"Expected a stream of bytes, received one of {type(data).__name__}. Open it with mode 'rb'."
        )
    check_heaps_in(data, "the stream")
    return h5py.File(io.BytesIO(data), "r")


@contextmanager
def damage_refused(group: h5py.Group, path: str) -> Iterator[None]:
    """Turn what HDF5 says of a damaged file into an error that says where, and what to do.

    Args:
        group: what is read from.
        path: what is read, for the message.
    """
    try:
        yield
    except ModelFileError:
        raise
    except (ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{_place(group, path)} can't be read: {error}. The file is damaged: take another copy."
        ) from error


def find(group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset | None:
    """Return what lies at a path below a group; None where there is nothing.

    Raises:
        ModelFileError: where a link on the way leads elsewhere, or the file is damaged.
    """
    here: Any = group
    if not isinstance(path, str):
        raise ModelFileError(
            f"A name at {group.name!r} in {group.file.filename} is no text: {path!r:.100}. The file is "
            "damaged: take another copy."
        )
    parts = path.split("/")
    if len(parts) > _DEPTH_LIMIT:
        raise ModelFileError(
            f"A name in {group.file.filename} goes through more than {_DEPTH_LIMIT} groups: "
            f"{path[:60]!r}.... No Keras writes such a file."
        )
    with damage_refused(group, path):
        for part in parts:
            if not part:
                continue
            link = here.get(part, getlink=True) if isinstance(here, h5py.Group) and part != "." else None
            if link is None:
                return None
            if not isinstance(link, h5py.HardLink):
                raise ModelFileError(
                    f"{_place(group, path)} is a link ({type(link).__name__}) to another place. Links are "
                    f"refused, "
                    "as they could name any file of this machine. Copy the data into one file."
                )
            here = here[part]
    return here


def find_group(group: h5py.Group, path: str) -> h5py.Group:
    """Return the group at a path.

    Raises:
        ModelFileError: where there is none.
    """
    found = find(group, path)
    if not isinstance(found, h5py.Group):
        raise ModelFileError(
            f"Expected a group at {_place(group, path)}, found "
            f"{'nothing' if found is None else 'a dataset'}. "
            "The file is damaged, or isn't a Keras model."
        )
    return found


def find_dataset(group: h5py.Group, path: str) -> h5py.Dataset:
    """Return the dataset of numbers at a path, having looked at its header only.

    Raises:
        ModelFileError: where there is none, or where it brings in data from outside of the file.
    """
    found = find(group, path)
    if not isinstance(found, h5py.Dataset):
        raise ModelFileError(
            f"Expected an array at {_place(group, path)}, found {'nothing' if found is None else 'a group'}. "
            "The file is damaged, or isn't a Keras model."
        )
    with damage_refused(group, path):
        _check_dataset(found, _place(group, path))
    return found


def _check_dataset(dataset: h5py.Dataset, place: str) -> None:
    if dataset.is_virtual or dataset.external:
        raise ModelFileError(
            f"{place} is stored in other files. That is refused, as it could name any file of "
            "this machine. Copy the data into one file."
        )
    if dataset.dtype.kind not in "fiub" or dataset.dtype.itemsize > _LARGEST_NUMBER:
        raise ModelFileError(
            f"Expected numbers at {place}, found the type {dataset.dtype}. It is not a weight of a model."
        )
    if dataset.shape is None:
        raise ModelFileError(
            f"Expected numbers at {place}, found none at all. It is not a weight of a model."
        )
    if dataset.nbytes and not dataset.id.get_storage_size():
        raise ModelFileError(
            f"{place} claims {dataset.nbytes} bytes, but none are stored. The file was not written to its "
            "end, is damaged, or made to use up memory: take another copy."
        )


def read_array(dataset: h5py.Dataset, shape: Sequence[int]) -> NDArray[Any]:
    """Return a dataset's numbers, having compared its shape first.

    Raises:
        ModelFileError: where the shape is another one, or the numbers can't be read.
    """
    if dataset.shape != tuple(shape):
        raise ModelFileError(
            f"Expected the shape {tuple(shape)} at {dataset.name!r} in {dataset.file.filename}, "
            f"found {dataset.shape}. The file belongs to another model."
        )
    with damage_refused(dataset.parent, dataset.name.rsplit("/", 1)[-1]):
        check_chunks(dataset, f"{dataset.name} in {dataset.file.filename}")
        array = np.asarray(dataset[()])
        return array.astype(array.dtype.newbyteorder("="), copy=False)


def _place(group: h5py.Group, path: str) -> str:
    return f"{(group.name or '').rstrip('/')}/{path} in {group.file.filename}"
