"""A look at those parts of an HDF5 file on which the HDF5 library (2.0) never ends if they are damaged.

Texts of variable length lie in "global heaps", chains of objects that each give their own length. An object
of length zero that is marked as free space makes the library walk on the spot for ever.
"""

from __future__ import annotations

import mmap
import os
import struct

from batchyard.models.errors import ModelFileError

#: How a heap begins: its name, version 1, three zeros.
_HEAP = b"GCOL\x01\x00\x00\x00"
#: A text longer than this many bytes may be referred to several times only if all together are no longer than
#: that many.
_LONG, _REPEATED = 64 * 2**10, 64 * 2**20
#: How many bytes are searched for references, in all.
_SEARCHED = 2**31
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
    heaps = []
    begin = data.find(_HEAP)
    while begin >= 0:
        heaps.append(begin)
        if not _is_whole(data, begin):
            raise ModelFileError(
                f"{name} is damaged: its texts at byte {begin} can't be told apart. Take another copy."
            )
        begin = data.find(_HEAP, begin + len(_HEAP))
    for heap in heaps:
        if _is_overlong(data, heap, _SEARCHED // len(heaps)):
            raise ModelFileError(
                f"{name} is damaged: it refers to a text at byte {heap} that would be longer than what "
                "stands there. Take another copy."
            )


def _is_overlong(data: mmap.mmap | bytes, heap: int, searched: int) -> bool:
    """Whether a reference gives a text in a heap a length that the heap can't hold.

    The HDF5 library takes as much memory as the reference says before it compares. In large files only the
    beginning and the end, where Keras's texts stand, are searched.
    """
    address = struct.pack("<Q", heap)
    size = int.from_bytes(data[heap + 8 : heap + 16], "little")
    half = searched // 2
    parts = [(0, len(data))] if len(data) <= searched else [(0, half), (len(data) - half, len(data))]
    for first, last in parts:
        at = data.find(address, first, last)
        while at >= 0:
            length = int.from_bytes(data[max(0, at - 4) : at], "little")
            number = int.from_bytes(data[at + 8 : at + 12], "little")
            # object headers of the format that Keras writes are aligned to eight bytes
            if at % 8 == 4 and length > max(size, _LONG) and 0 < number < 2**16:
                return True
            at = data.find(address, at + 1, last)
    return False


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
    head = begin + len(_HEAP) + 8
    if head > len(data):
        return False
    end = begin + int.from_bytes(data[head - 8 : head], "little")
    if end > len(data):
        return False
    here = head
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
