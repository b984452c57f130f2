"""Names, shapes and types of the arrays in a data file, read from its headers alone."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import h5py
import numpy as np

__all__ = ["HDF5_SUFFIXES", "ArrayHeader", "UnreadableFile", "array_names", "read_header"]

HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf")


class UnreadableFile(Exception):
    """Raised when a data file cannot be used; the message says why, and `remedy` what to do."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


@dataclass(frozen=True)
class ArrayHeader:
    """What is known of an array without reading it."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]


def array_names(path: Path) -> list[str]:
    """Return the names of the arrays in an HDF5 or `.npz` file.

    Raises:
        UnreadableFile: It is neither, or it is damaged.
    """
    if path.suffix == ".npz":
        with _opened_npz(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    names: list[str] = []
    with _opened_hdf5(path) as file:
        # visititems follows neither soft nor external links.
        file.visititems(lambda name, thing: names.append(name) if isinstance(thing, h5py.Dataset) else None)
    return names


def read_header(path: Path, name: str | None = None) -> ArrayHeader:
    """Return shape and type of an array.

    Args:
        path: HDF5, `.npz` or `.npy` file.
        name: The dataset in it. None for an `.npy` file.

    Raises:
        UnreadableFile: It is damaged, is not of a number type, or lies in another file.
        KeyError: There is no such dataset.
    """
    if name is None:
        header = _npy_file_header(path)
    elif path.suffix == ".npz":
        with _opened_npz(path) as archive:
            if f"{name}.npy" not in archive.namelist():
                raise KeyError(name)
            with archive.open(f"{name}.npy") as stream:
                header = _npy_header(stream)
    else:
        header = _hdf5_header(path, name)
    if header.dtype.kind not in "fiub":
        raise UnreadableFile(f"holds {header.dtype} values", "store numbers (float, integer or boolean)")
    return header


def _opened_hdf5(path: Path) -> h5py.File:
    if path.suffix not in HDF5_SUFFIXES:
        raise UnreadableFile(
            f"has the suffix {path.suffix or 'of no file type'}",
            "use HDF5 (.h5, .hdf5), .npz, or single .npy files",
        )
    try:
        return h5py.File(path, "r")
    except OSError as error:
        text = str(error)
        if "truncated" in text:
            raise UnreadableFile(
                "is truncated: it ends before its data do", "copy or write it again"
            ) from None
        if "signature" in text:
            raise UnreadableFile("is no HDF5 file", "check what wrote it, or give its real format") from None
        raise UnreadableFile(f"cannot be opened as HDF5: {text}", "copy or write it again") from None


def _hdf5_header(path: Path, name: str) -> ArrayHeader:
    with _opened_hdf5(path) as file:
        _refuse_external_links(file, name)
        try:
            dataset = file[name]
        except KeyError:
            raise KeyError(name) from None
        if not isinstance(dataset, h5py.Dataset):
            inside = ", ".join(f"{name}/{key}" for key in list(dataset)[:5])
            raise UnreadableFile(
                "is a group, not a dataset", f"name what it holds: {inside}" if inside else ""
            )
        if dataset.external:
            raise UnreadableFile("keeps its values outside of the file", "store them in the file itself")
        if dataset.is_virtual:
            for source in dataset.virtual_sources():
                if Path(source.file_name).is_absolute() or ".." in Path(source.file_name).parts:
                    raise UnreadableFile(
                        f"is a virtual dataset over {source.file_name}, outside of its folder", "copy it flat"
                    )
        return ArrayHeader(tuple(dataset.shape or ()), dataset.dtype)


def _refuse_external_links(file: h5py.File, name: str) -> None:
    """Look at each link on the way to a dataset without following it."""
    group: h5py.Group = file
    for part in name.strip("/").split("/"):
        link = group.get(part, getlink=True)
        if link is None:
            raise KeyError(name)
        if isinstance(link, h5py.ExternalLink):
            raise UnreadableFile(
                f"is a link into another file ({link.filename}), which is not followed",
                "store the data itself",
            )
        if isinstance(link, h5py.SoftLink):
            raise UnreadableFile(f"is a link ({link.path}), which is not followed", "name the dataset itself")
        group = group[part]
        if not isinstance(group, h5py.Group):
            return


def _opened_npz(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise UnreadableFile("is no .npz file, or a truncated one", "copy or write it again") from None


def _npy_file_header(path: Path) -> ArrayHeader:
    with path.open("rb") as stream:
        header = _npy_header(stream)
        expected = stream.tell() + header.dtype.itemsize * int(np.prod(header.shape, dtype=np.int64))
    if path.stat().st_size < expected:
        raise UnreadableFile(
            f"is truncated: {path.stat().st_size} bytes, where {expected} were expected",
            "copy or write it again",
        )
    return header


def _npy_header(stream: IO[bytes]) -> ArrayHeader:
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(stream)
    except (ValueError, EOFError) as error:
        raise UnreadableFile(f"is no .npy array: {error}", "write it with numpy.save") from None
    if dtype.hasobject:
        raise UnreadableFile("holds Python objects", "store numbers (float, integer or boolean)")
    return ArrayHeader(tuple(int(n) for n in shape), dtype)
