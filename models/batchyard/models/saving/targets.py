"""For whom a file is written."""

from __future__ import annotations

import os
from collections.abc import Sequence

import h5py

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.saving.guarded_reading import FileLike

__all__ = ["TARGETS", "choose_target"]

#: Keras 2's HDF5, Keras 3's HDF5, and Keras 3's archive.
TARGETS = ("keras2", "keras3", "keras")


def choose_target(filepath: FileLike, target: str | None, targets: Sequence[str] = TARGETS) -> str:
    """Return for whom a file is written.

    Args:
        filepath: what is written to.
        target: what was asked for; None for what the path's ending says.
        targets: what may be asked for.

    Raises:
        InvalidArgumentError: where the target isn't known, or doesn't fit what is written to.
    """
    if target is not None and target not in targets:
        raise InvalidArgumentError(
            f"Expected target to be one of {', '.join(map(repr, targets))}; received {target!r}."
        )
    path = os.fspath(filepath) if isinstance(filepath, str | os.PathLike) else ""
    is_archive = path.endswith(".keras") and "keras" in targets
    if is_archive and target == "keras2":
        raise InvalidArgumentError(
            f"{path!r} ends with .keras, which is an archive of Keras 3; Keras 2 opens HDF5. Let the name "
            "end with .h5, or leave target out."
        )
    if target == "keras" and isinstance(filepath, h5py.Group):
        raise InvalidArgumentError(
            "target='keras' makes an archive, which an HDF5 file can't hold. Pass a path or a binary stream."
        )
    return "keras" if is_archive else target or "keras2"
