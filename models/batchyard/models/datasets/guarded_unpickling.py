"""Reads old pickled arrays of plain data, and nothing that could run code."""

from __future__ import annotations

import pickle
import zipfile
from typing import Any, BinaryIO

import numpy as np

from batchyard.models.errors import DataError

__all__ = ["PlainUnpickler", "read_word_lists"]

_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class PlainUnpickler(pickle.Unpickler):
    """Builds lists, dictionaries, numbers, texts and numpy arrays; refuses all else.

    Args:
        file: opened in binary mode.
        encoding: of texts that Python 2 wrote.
    """

    def __init__(self, file: BinaryIO, encoding: str = "bytes") -> None:
        super().__init__(file, encoding=encoding)

    def find_class(self, module: str, name: str) -> Any:
        """Returns one of numpy's few parts, or refuses."""
        if (module, name) == ("_codecs", "encode"):
            return _encode
        if (module, name) not in _ALLOWED:
            raise DataError(f"The file names {module}.{name}: expected plain lists and arrays only.")
        return _ALLOWED[module, name]


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise DataError(
            f"The file holds bytes encoded as {encoding!r}: expected 'latin1', as Python writes them."
        )
    return text.encode("latin1")


def read_word_lists(path: str, name: str) -> Any:
    """Reads an array from an .npz file that may be an array of lists.

    Args:
        path: of the file.
        name: of the array.
    """
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        major, _ = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        _, _, dtype = read(file)
        if dtype.hasobject:
            return PlainUnpickler(file).load()  # type: ignore[arg-type]
    with np.load(path, allow_pickle=False) as arrays:
        return arrays[name]
