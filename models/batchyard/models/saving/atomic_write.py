"""Files that are there as a whole, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from batchyard.models.errors import BatchyardModelsError, ModelFileError


@contextmanager
def write_atomically(path: str | os.PathLike[str], overwrite: bool = True) -> Iterator[str]:
    """Give a temporary name beside `path` to write to; once it is written, it becomes `path`.

    A reader sees the old file or the new one, never a part, also after a power failure. Where writing
    fails, the old file stays and the temporary one is removed.

    Args:
        path: the file to be written; a symbolic link is followed.
        overwrite: whether a file that exists may be replaced.

    Raises:
        ModelFileError: where the file exists and mustn't be replaced, or can't be written.
    """
    if "\0" in os.fspath(path):
        raise ModelFileError(f"The name {os.fspath(path)!r} has a zero byte in it. Choose another name.")
    target = os.path.realpath(path)
    if not overwrite and os.path.exists(target):
        raise ModelFileError(
            f"{os.fspath(path)} exists, and overwrite=False was given. Choose another name, or pass "
            f"overwrite=True."
        )
    if os.path.exists(target) and not os.path.isfile(target):
        raise ModelFileError(
            f"{os.fspath(path)} is a folder or a device, which a file must not replace. Choose another name."
        )
    directory, name = os.path.split(target)
    temporary = os.path.join(directory, f".{name}.{secrets.token_hex(6)}.tmp")
    try:
        try:
            yield temporary
            _sync(temporary)
            os.replace(temporary, target)
            _sync(directory)
        except BatchyardModelsError:
            raise
        except (OSError, RuntimeError) as error:  # the latter is what h5py makes of a full disk on closing
            raise ModelFileError(
                f"{os.fspath(path)} could not be written: {error}. "
                "Check that its folder exists and may be written to, and that the disk has space."
            ) from error
    finally:
        with suppress(OSError):  # it isn't there, or could not be there; what matters was told above
            os.remove(temporary)


def _sync(path: str) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
