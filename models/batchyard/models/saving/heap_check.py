"""A look at those parts of an HDF5 file on which the HDF5 library (2.0) never ends if they are damaged.

Texts of variable length lie in "global heaps", chains of objects that each give their own length. An object
of length zero that is marked as free space makes the library walk on the spot for ever.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
from collections.abc import Iterator

from batchyard.models.errors import ModelFileError

#: How a heap begins: its name and version 1; three zeros, which the library does not look at; its size.
_HEAP, _ZEROS = b"GCOL\x01", b"\x00\x00\x00"
_HEAP_HEAD = struct.Struct("<5s3sQ")
#: A text longer than this many bytes may be referred to several times only if all together are no longer than
#: that many.
_LONG, _REPEATED = 64 * 2**10, 64 * 2**20
#: How many bytes are searched for attributes.
_SEARCHED = 2**28
#: The attributes that are read, as their names stand in a file.
_ATTRIBUTES = (
    b"model_config",
    b"training_config",
    b"keras_version",
    b"backend",
    b"layer_names",
    b"weight_names",
    b"name",
)
#: A text's length, the place of its heap, and its number there.
_REFERENCE = struct.Struct("<IQI")
#: HDF5's number of the types of variable length, and how many elements are looked at.
_VARIABLE, _MOST = 9, 5000
#: An object's number, references, padding, and length.
_OBJECT = struct.Struct("<HHIQ")


def check_heaps(path: str | os.PathLike[str]) -> None:
    """Walk through all global heaps of a file.

    Raises:
        ModelFileError: where one is damaged.
        OSError: where the file can't be read.
    """
    if os.path.getsize(path) == 0:
        return
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        check_heaps_in(data, os.fspath(path))


def check_heaps_in(data: mmap.mmap | bytes, name: str) -> None:
    """Walk through all global heaps in the bytes of a file.

    Args:
        data: the whole file.
        name: of the file, for the message.

    Raises:
        ModelFileError: where one is damaged.
    """
    begin = data.find(_HEAP)
    while begin >= 0:
        if not _is_whole(data, begin):
            raise ModelFileError(
                f"{name} is damaged: its texts at byte {begin} can't be told apart. Take another copy."
            )
        begin = data.find(_HEAP, begin + len(_HEAP))
    at = _overlong_text(data)
    if at >= 0:
        raise ModelFileError(
            f"{name} is damaged: the attribute at byte {at} refers to texts that would be longer than the "
            "file. Take another copy."
        )


def _overlong_text(data: mmap.mmap | bytes) -> int:
    """Return where an attribute refers to texts that are longer than the file; -1 where none does.

    The HDF5 library takes as much memory as a reference says before it looks at the text. In large files only
    the beginning and the end, where Keras's texts stand, are searched.
    """
    half = _SEARCHED // 2
    parts = [(0, len(data))] if len(data) <= _SEARCHED else [(0, half), (len(data) - half, len(data))]
    for name in _ATTRIBUTES:
        for first, last in parts:
            at = data.find(name, first, last)
            while at >= 0:
                if any(sum(lengths) > len(data) + _REPEATED for lengths in _lengths(data, at, len(name))):
                    return at
                at = data.find(name, at + 1, last)
    return -1


def _lengths(data: mmap.mmap | bytes, at: int, name_size: int) -> Iterator[list[int]]:
    """Yield the lengths of the texts that an attribute refers to, whose name stands here, if it is one."""
    for version, head, pad in ((1, 8, 8), (2, 8, 1), (3, 9, 1)):
        begin = at - head
        if begin < 0 or data[begin] != version:
            continue
        _, size, type_size, space_size = struct.unpack_from("<HHHH", data, begin)
        if not name_size < size <= name_size + 4:  # a zero follows, and perhaps the number of a part
            continue
        kind = at + -(-size // pad) * pad
        space = kind + -(-type_size // pad) * pad
        values = space + -(-space_size // pad) * pad
        if values + _REFERENCE.size > len(data) or data[kind] & 15 != _VARIABLE:
            continue
        room = (len(data) - values) // _REFERENCE.size
        count = min(room, _elements(bytes(data[space : space + space_size])))
        yield [_REFERENCE.unpack_from(data, values + n * _REFERENCE.size)[0] for n in range(count)]


def _elements(space: bytes) -> int:
    """Return how many elements an attribute has, by its description; at most as many as are read."""
    rank, first = (space[1], 8 if space[0] == 1 else 4) if len(space) > 1 else (0, 0)
    sizes = [int.from_bytes(space[first + 8 * n : first + 8 * n + 8], "little") for n in range(min(rank, 4))]
    return min(math.prod(sizes), _MOST)


def _is_repeated(data: mmap.mmap | bytes, heap: int, number: int, length: int) -> bool:
    """Whether a long text is referred to so often that reading it each time takes up memory."""
    reference = struct.pack("<QI", heap, number)
    count, at = 0, data.find(reference)
    while at >= 0 and count * length <= _REPEATED:
        count += 1
        at = data.find(reference, at + 1)
    return count > 2 and count * length > _REPEATED


def _is_whole(data: mmap.mmap | bytes, begin: int) -> bool:
    """Whether the objects of the heap that begins here fill it, each with a length above zero."""
    if begin + _HEAP_HEAD.size > len(data):
        return bytes(data[begin + len(_HEAP) : begin + len(_HEAP) + len(_ZEROS)]) != _ZEROS
    zeros: bytes
    size: int
    _, zeros, size = _HEAP_HEAD.unpack_from(data, begin)
    end = begin + size
    if zeros != _ZEROS:
        return end > len(data)  # then it is no heap: five bytes may look like one among a file's numbers
    if end > len(data):
        return False
    here = begin + _HEAP_HEAD.size
    while here + _OBJECT.size <= end:
        number, _, _, length = _OBJECT.unpack_from(data, here)
        if number and length > _LONG and _is_repeated(data, begin, number, length):
            return False
        # free space, number 0, counts its own head
        taken = length if number == 0 else _OBJECT.size + -(-length // 8) * 8
        if taken == 0:
            return False
        here += taken
    return here <= end
