"""A look at the chunks of an array before the HDF5 library unpacks them.

The library unpacks a chunk to its end, however long that is: a megabyte of a file can become gigabytes of
memory, even in an array of six numbers.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

import h5py

from batchyard.models.errors import ModelFileError

__all__ = ["check_chunks"]

#: Filters that are let run: those of h5py. Others decode by numbers that the file gives, and crash on some.
_FILTERS = {
    h5py.h5z.FILTER_DEFLATE: "gzip",
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
    h5py.h5z.FILTER_LZF: "lzf",
}
#: A chunk is held in memory as a whole: one of more bytes must not be larger than four times the array.
_LARGEST_CHUNK = 16 * 2**20
#: LZF packs up to ninety times; its chunks are not looked into, so that they must be small.
_LARGEST_LZF = 2 * 2**20
#: The most chunks of an array.
_COUNT_LIMIT = 100_000
#: What a chunk may have above its numbers, for checksums, and where it didn't become shorter by packing.
_OVERHEAD = 4096
#: Bytes that fletcher32 adds to a chunk.
_CHECKSUM = 4


def check_chunks(dataset: h5py.Dataset, place: str) -> None:
    """Refuse an array whose chunks would take up more memory than its numbers do.

    Args:
        dataset: whose chunks lie in its own file.
        place: of it, for the message.

    Raises:
        ModelFileError: where chunks are too large, too many, packed by unknown means, or by more than what
            they hold.
    """
    if dataset.chunks is None:
        return
    size = math.prod(dataset.chunks) * dataset.dtype.itemsize
    if size > _LARGEST_CHUNK and size > 4 * dataset.nbytes:
        raise _refusal(place, f"is kept in chunks of {size} bytes, but has {dataset.nbytes}")
    axes = zip(dataset.shape, dataset.chunks, strict=True)
    if math.prod(-(-axis // chunk) for axis, chunk in axes) > _COUNT_LIMIT:
        raise _refusal(place, f"is kept in more than {_COUNT_LIMIT} chunks")
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]
    if not filters:
        return
    if len(set(filters)) != len(filters) or not set(filters) <= set(_FILTERS):
        known = ", ".join(_FILTERS.values())
        raise _refusal(place, f"is packed by the filters {filters}; only {known} are read, each once")
    packers = [one for one in filters if one in (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_LZF)]
    if not packers:
        _check_packed(dataset, place, size, filters, None)
        return
    behind = filters[filters.index(packers[-1]) + 1 :]
    if len(packers) > 1 or not set(behind) <= {h5py.h5z.FILTER_FLETCHER32}:
        raise _refusal(place, f"is packed by the filters {filters} in an order that isn't known")
    if packers[0] == h5py.h5z.FILTER_LZF and size > _LARGEST_LZF:
        raise _refusal(place, f"is packed by lzf in chunks of more than {_LARGEST_LZF} bytes")
    _check_packed(dataset, place, size, filters, packers[0])


def _check_packed(
    dataset: h5py.Dataset, place: str, size: int, filters: list[int], packer: int | None
) -> None:
    found: list[Any] = []

    def take(chunk: Any) -> bool | None:
        found.append(chunk)
        return True if len(found) > _COUNT_LIMIT else None  # which ends the walk

    dataset.id.chunk_iter(take)
    if len(found) > _COUNT_LIMIT:
        raise _refusal(place, f"is kept in more than {_COUNT_LIMIT} chunks")
    for chunk in found:
        checksum = _CHECKSUM if _applies(h5py.h5z.FILTER_FLETCHER32, filters, chunk) else 0
        packed = packer is not None and _applies(packer, filters, chunk)
        # The library takes a checksum off without asking whether there is one: it crashes on three bytes.
        if chunk.size < checksum or (not packed and chunk.size != size + checksum):
            raise _refusal(place, f"has chunks of {size} bytes, one of which is kept in {chunk.size} bytes")
        if chunk.size > size + size // 50 + _OVERHEAD:
            raise _refusal(
                place, f"has chunks of {size} bytes, one of which takes {chunk.size} bytes when packed"
            )
        if packed and packer == h5py.h5z.FILTER_DEFLATE:
            _, content = dataset.id.read_direct_chunk(chunk.chunk_offset)
            try:
                unpacked = zlib.decompressobj().decompress(content, size + _OVERHEAD + 1)
            except zlib.error as error:
                raise _refusal(place, f"has a chunk that can't be unpacked ({error})") from error
            if len(unpacked) > size + _OVERHEAD:
                raise _refusal(place, f"has chunks of {size} bytes, one of which unpacks to more")


def _applies(one: int, filters: list[int], chunk: Any) -> bool:
    """Whether a filter was used on a chunk: each chunk may leave some out."""
    return one in filters and not chunk.filter_mask >> filters.index(one) & 1


def _refusal(place: str, what: str) -> ModelFileError:
    return ModelFileError(
        f"{place} {what}. The file is damaged, or made to use up memory: take another copy. (If it is yours: "
        "h5repack -f NONE -l CONTI.)"
    )
