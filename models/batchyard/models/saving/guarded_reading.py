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

#: What functions that read or write accept as a file.
FileLike: TypeAlias = str | os.PathLike[str] | h5py.Group | BinaryIO | io.IOBase

#: No compression that HDF5 has makes numbers smaller by more than this.
_LARGEST_RATIO = 1100


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
        file = h5py.File(name, "r")
    except FileNotFoundError:
        raise ModelFileError(
            f"There is no file {name!r}. Check the path (relative to {os.getcwd()})."
        ) from None
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelFileError(
            f"Expected {name!r} to be an HDF5 file (.h5) of a Keras model; it can't be opened: {error}. "
            "It is another kind of file, or was not written to its end: take another copy."
        ) from error
    with file:
        yield file


def find(group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset | None:
    """Return what lies at a path below a group; None where there is nothing.

    Raises:
        ModelFileError: where a link on the way leads elsewhere, or the file is damaged.
    """
    here: Any = group
    for part in path.split("/"):
        if not part:
            continue
        try:
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
        except (OSError, RuntimeError, KeyError) as error:
            raise ModelFileError(
                f"{_place(group, path)} can't be read: {error}. The file is damaged: take another copy."
            ) from error
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
    if found.is_virtual or found.external:
        raise ModelFileError(
            f"{_place(group, path)} is stored in other files. That is refused, as it could name any file of "
            "this machine. Copy the data into one file."
        )
    if found.dtype.kind not in "fiub":
        raise ModelFileError(
            f"Expected numbers at {_place(group, path)}, found the type {found.dtype}. It is not a weight "
            f"of a model."
        )
    if found.nbytes > _LARGEST_RATIO * found.id.get_storage_size():
        raise ModelFileError(
            f"{_place(group, path)} claims {found.nbytes} bytes, but {found.id.get_storage_size()} are "
            f"stored. "
            "The file is damaged, or made to use up memory: take another copy."
        )
    return found


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
    try:
        return np.asarray(dataset[()])
    except (OSError, RuntimeError) as error:
        raise ModelFileError(
            f"The numbers at {dataset.name!r} in {dataset.file.filename} can't be read: {error}. "
            "The file is damaged: take another copy."
        ) from error


def _place(group: h5py.Group, path: str) -> str:
    return f"{(group.name or '').rstrip('/')}/{path} in {group.file.filename}"
