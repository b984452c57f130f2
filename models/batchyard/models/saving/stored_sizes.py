"""How many bytes of arrays a file may claim to hold, as packed ones can claim any number."""

from __future__ import annotations

from collections.abc import Iterable

import h5py

from batchyard.models.errors import ModelFileError

__all__ = ["expect_plausible"]

#: Weights pack by less than this, and those that begin as zeros by more: so many bytes are free.
_LARGEST_RATIO, _FREE_BYTES = 64, 128 * 2**20


def expect_plausible(datasets: Iterable[h5py.Dataset], name: str, size: int) -> int:
    """Return how many numbers arrays have in all; one array under many names is still one.

    Args:
        datasets: whose headers were looked at.
        name: of the file, for the message.
        size: of the file, or of the archive that it lies in, in bytes.

    Raises:
        ModelFileError: where they have more than 128 MiB and 64 times the size of the file.
    """
    numbers, claimed = 0, 0
    seen: set[int] = set()
    for dataset in datasets:
        place = h5py.h5o.get_info(dataset.id).addr
        if place in seen:
            continue
        seen.add(place)
        numbers += dataset.size
        claimed += dataset.nbytes
        if claimed > _FREE_BYTES + _LARGEST_RATIO * size:
            raise ModelFileError(
                f"The arrays in {name} claim more than {claimed} bytes, and the file has {size}. It is "
                "damaged, or made to use up memory: take another copy. (If it is yours, and packs that well: "
                "h5repack -f NONE -l CONTI, or build the model, and load_weights.)"
            )
    return numbers
