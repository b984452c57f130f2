"""Arrays and JSON values in one run of bytes, without pickle: what crosses processes and goes to disk.

Layout: 8 bytes magic, 8 bytes length of the head (little-endian), the head, the arrays one after the other.
    The head is
JSON: the values, name, dtype and shape of each array, and a CRC-32 of all arrays' bytes.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchyard.models.callbacks import plain_json
from batchyard.models.errors import StateError

__all__ = ["pack_arrays", "unpack_arrays"]

_MAGIC = b"BYSTATE1"
_PREFIX = 16

#: The kinds of numpy dtypes that may be in a file: no objects.
_KINDS = "biufc"


def pack_arrays(values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Returns bytes that `unpack_arrays` reads; equal contents give equal bytes.

    Args:
        values: JSON values.
        arrays: of numbers.
    """
    bodies = [np.ascontiguousarray(array) for array in arrays.values()]
    listed = [
        [name, body.dtype.newbyteorder("<").str, list(arrays[name].shape)]
        for name, body in zip(arrays, bodies, strict=True)
    ]
    chunks = [body.astype(body.dtype.newbyteorder("<"), copy=False).tobytes() for body in bodies]
    checksum = 0
    for chunk in chunks:
        checksum = zlib.crc32(chunk, checksum)
    head = plain_json.dumps({"values": values, "arrays": listed, "crc": checksum}).encode()
    return b"".join([_MAGIC, len(head).to_bytes(8, "little"), head, *chunks])


def unpack_arrays(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Reads what `pack_arrays` wrote.

    Raises:
        StateError: if the bytes are anything else.
    """
    if data[:8] != _MAGIC:
        raise StateError(
            f"These bytes are no fit state: expected them to begin with {_MAGIC!r}, received "
            f"{bytes(data[:8])!r}. "
            "They may come from another version of Batchyard."
        )
    length = int.from_bytes(data[8:_PREFIX], "little")
    try:
        head = plain_json.loads(bytes(data[_PREFIX : _PREFIX + length]).decode())
        values, listed, checksum = head["values"], head["arrays"], head["crc"]
        plan = [_planned(*item) for item in listed]
        if not isinstance(values, dict):
            raise TypeError("the values are no dictionary")
    except (ValueError, TypeError, KeyError) as error:
        raise StateError(
            f"The head of this fit state cannot be read: {error}. It is damaged; use an older one."
        ) from None
    at = _PREFIX + length
    expected = at + sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in plan)
    if expected != len(data):
        raise StateError(
            f"This fit state is cut off or too long: expected {expected} bytes, received {len(data)}."
        )
    if zlib.crc32(memoryview(data)[at:]) != checksum:
        raise StateError("This fit state is damaged: its checksum does not match. Use an older one.")
    arrays = {}
    for name, dtype, shape in plan:
        count = math.prod(shape)
        arrays[name] = np.frombuffer(data, dtype, count, at).reshape(shape).copy()
        at += count * dtype.itemsize
    return values, arrays


def _planned(name: Any, dtype: Any, shape: Any) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    if not isinstance(name, str) or not isinstance(dtype, str):
        raise TypeError("names and dtypes must be text")
    if not re.fullmatch(r"[<>|=]?[a-zA-Z?]\d{0,2}", dtype):  # numpy parses longer ones as Python
        raise TypeError(f"array {name!r} has the dtype {dtype!r}")
    found = np.dtype(dtype)
    if found.kind not in _KINDS or found.hasobject:
        raise TypeError(f"array {name!r} has the dtype {dtype!r}")
    sizes = tuple(shape)
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise TypeError(f"array {name!r} has the shape {shape!r}")
    return name, found, sizes
