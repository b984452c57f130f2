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
#: How the names of the attributes end that are read (model_config, training_config, keras_version, backend,
#: layer_names, weight_names, name), and how many letters may stand before that.
_ATTRIBUTES = (b"_config", b"_version", b"backend", b"name")
_BEFORE, _LONGEST_NAME = (0, 5, 6, 7, 8), 32
#: How the heap of a group's names begins, of version 0, and where the length of its filters' description is.
_FRACTAL_HEAP, _FILTERS_AT = b"FRHP\x00", 7
#: How a group's names begin in HDF5's first format, with their size, the first part that is free, and their
#: address; what stands for no further part; and how a file begins.
_NAMES, _NAMES_HEAD, _LAST_PART = b"HEAP\x00\x00\x00\x00", struct.Struct("<8sQQQ"), 1
_FILE = b"\x89HDF\r\n\x1a\n"
#: How many structures of a file are looked at, and how often all of it is searched for references to a text.
_MOST_STEPS, _MOST_SEARCHES = 2_000_000, 16
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
    steps = _Steps(name)
    begin = data.find(_HEAP)
    while begin >= 0:
        if not _is_whole(data, begin, steps):
            raise ModelFileError(
                f"{name} is damaged: its texts at byte {begin} can't be told apart. Take another copy."
            )
        begin = data.find(_HEAP, begin + len(_HEAP))
    if _has_other_numbers(data):
        raise ModelFileError(
            f"{name} keeps addresses in another size than 8 bytes, as no Keras does. It is damaged: take "
            "another copy."
        )
    at = _endless_free_space(data, steps)
    if at >= 0:
        raise ModelFileError(
            f"{name} is damaged: the free space among the names of the group at byte {at} leads back to "
            "itself. Take another copy."
        )
    at = _packed_names(data)
    if at >= 0:
        raise ModelFileError(
            f"{name} keeps the names in the group at byte {at} packed, as no Keras does, and they could "
            "unpack to any size. Take another copy. (If it is yours, copy the data into a new file.)"
        )
    at = _overlong_text(data, steps)
    if at >= 0:
        raise ModelFileError(
            f"{name} is damaged: the attribute at byte {at} refers to texts that would be longer than the "
            "file. Take another copy."
        )


class _Steps:
    """What looking at a file may take: structures that lie within each other would take its size squared."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._steps = _MOST_STEPS
        self._searches = _MOST_SEARCHES

    def take(self, steps: int = 1) -> None:
        self._steps -= steps
        self._expect_some(self._steps)

    def search(self) -> None:
        """Search the whole file once."""
        self._searches -= 1
        self._expect_some(self._searches)

    def _expect_some(self, left: int) -> None:
        if left < 0:
            raise ModelFileError(
                f"{self._name} has more texts than any file of Keras, or such as lie within each other. It "
                "is damaged, or made to take up time: take another copy."
            )


def _beginnings(data: mmap.mmap | bytes) -> list[int]:
    """Return where the file may begin: 512, 1024, 2048, ... bytes of other data may stand before it."""
    places, place = [0], 512
    while place < len(data):
        places.append(place)
        place *= 2
    return [place for place in places if data[place : place + len(_FILE)] == _FILE]


def _has_other_numbers(data: mmap.mmap | bytes) -> bool:
    """Whether addresses and lengths in the file have another size than 8 bytes, which h5py never writes."""
    for begin in _beginnings(data):
        at = begin + (13 if data[begin + 8 : begin + 9] in (b"\0", b"\1") else 9)
        if bytes(data[at : at + 2]) != b"\x08\x08":
            return True
    return False


def _endless_free_space(data: mmap.mmap | bytes, steps: _Steps) -> int:
    """Return where a group's names have free space whose parts lead round and round; -1 where none has.

    The HDF5 library takes memory for each part, for ever.
    """
    starts = {0, *_beginnings(data)}  # addresses count from the file's own beginning
    at = data.find(_NAMES)
    while at >= 0:
        steps.take()
        if at + _NAMES_HEAD.size <= len(data):
            _, size, head, place = _NAMES_HEAD.unpack_from(data, at)
            if any(_leads_round(data, start + place, size, head, steps) for start in starts):
                return at
        at = data.find(_NAMES, at + 1)
    return -1


def _leads_round(data: mmap.mmap | bytes, begin: int, size: int, free: int, steps: _Steps) -> bool:
    seen: set[int] = set()
    while free != _LAST_PART and free + 16 <= size and begin + free + 16 <= len(data):
        steps.take()
        if free in seen:
            return True
        seen.add(free)
        free = int.from_bytes(data[begin + free : begin + free + 8], "little")
    return False


def _packed_names(data: mmap.mmap | bytes) -> int:
    """Return where the names of a group are packed by a filter, to unpack to any size; -1 if none are."""
    at = data.find(_FRACTAL_HEAP)
    while at >= 0:
        if bytes(data[at + _FILTERS_AT : at + _FILTERS_AT + 2]) not in (b"\0\0", b"\0", b""):
            return at
        at = data.find(_FRACTAL_HEAP, at + 1)
    return -1


def _overlong_text(data: mmap.mmap | bytes, steps: _Steps) -> int:
    """Return where an attribute refers to texts that are longer than the file; -1 where none does.

    The HDF5 library takes as much memory as a reference says before it looks at the text.
    """
    for name in _ATTRIBUTES:
        at = data.find(name)
        while at >= 0:
            steps.take()
            for lengths in _lengths(data, at):
                steps.take(len(lengths))
                if sum(lengths) > len(data) + _REPEATED:
                    return at
            at = data.find(name, at + 1)
    return -1


def _lengths(data: mmap.mmap | bytes, end_of_name: int) -> Iterator[list[int]]:
    """Yield the lengths of the texts that an attribute refers to, if its name's last part stands here."""
    for before in _BEFORE:
        at = end_of_name - before
        for version, head, pad in ((1, 8, 8), (2, 8, 1), (3, 9, 1)):
            begin = at - head
            if begin < 0 or data[begin] != version:
                continue
            _, size, type_size, space_size = struct.unpack_from("<HHHH", data, begin)
            if not before < size <= _LONGEST_NAME:
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


def _is_whole(data: mmap.mmap | bytes, begin: int, steps: _Steps) -> bool:
    """Whether the objects of the heap that begins here fill it, each with a length above zero."""
    steps.take()
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
        steps.take()
        number, _, _, length = _OBJECT.unpack_from(data, here)
        if number and length > _LONG:
            steps.search()
            if _is_repeated(data, begin, number, length):
                return False
        # free space, number 0, counts its own head
        taken = length if number == 0 else _OBJECT.size + -(-length // 8) * 8
        if taken == 0:
            return False
        here += taken
    return here <= end
