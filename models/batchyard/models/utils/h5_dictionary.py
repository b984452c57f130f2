"""An HDF5 file, or a dictionary, as a dictionary of arrays and values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from batchyard.models.errors import InvalidArgumentError

__all__ = ["H5Dict", "h5dict"]


class H5Dict:
    """Reads and writes HDF5 like a dictionary; attributes and datasets are both items.

    No pickle is used: what is neither array, number, text nor a list of them is refused.

    Args:
        path: path of a file, an open h5py file or group, or a dictionary.
        mode: for opening a file: "r", "w" or "a".

    Source: Keras 2.2.4, `utils.h5dict`.
    """

    def __init__(self, path: Any, mode: str = "a") -> None:
        self._owns = isinstance(path, str | Path)
        self.data: Any = h5py.File(path, mode) if self._owns else path
        if not isinstance(self.data, h5py.Group | dict):
            raise InvalidArgumentError(
                f"h5dict needs a path, an h5py group or a dictionary. Received: {type(path).__name__}."
            )
        self.read_only = self._owns and mode == "r"

    def __setitem__(self, attr: str, val: Any) -> None:
        if self.read_only:
            raise ValueError(f"Cannot set {attr!r}: the file was opened for reading.")
        if isinstance(self.data, dict):
            self.data[attr] = val
        elif attr in self:
            raise KeyError(f"Cannot set {attr!r}: it is there already.")
        elif isinstance(val, np.ndarray):
            self.data.create_dataset(attr, data=val)
        elif isinstance(val, list | tuple) and val and isinstance(val[0], str | bytes):
            self.data.attrs[attr] = np.array([v.encode() if isinstance(v, str) else v for v in val])
        elif isinstance(val, dict):
            self.data.attrs[attr] = json.dumps(val).encode()
        else:
            self.data.attrs[attr] = val

    def __getitem__(self, attr: str) -> Any:
        if isinstance(self.data, dict):
            if attr not in self.data:
                if self.read_only:
                    raise KeyError(attr)
                self.data[attr] = {}
            found = self.data[attr]
            return H5Dict(found) if isinstance(found, dict) else found
        if attr in self.data.attrs:
            value = self.data.attrs[attr]
            return value.tolist() if isinstance(value, np.ndarray) and value.dtype.kind == "S" else value
        if attr not in self.data:
            if self.read_only:
                raise KeyError(f"The file has no {attr!r}. It has {sorted(self.data)}.")
            self.data.create_group(attr)
        found = self.data[attr]
        return H5Dict(found) if isinstance(found, h5py.Group) else found[()]

    def __len__(self) -> int:
        return len(self.data)

    def __contains__(self, key: object) -> bool:
        return key in self.data or (isinstance(self.data, h5py.Group) and key in self.data.attrs)

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def iter(self) -> Iterator[str]:
        """Gives the names of the items."""
        return iter(self.data)

    def get(self, key: str, default: Any = None) -> Any:
        """Returns an item, or `default` if there is none."""
        return self[key] if key in self else default  # noqa: SIM401 - this is `get`

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Sets several items."""
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def close(self) -> None:
        """Writes and closes the file, if this opened it."""
        if self._owns:
            self.data.close()

    def __enter__(self) -> H5Dict:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


h5dict = H5Dict
