"""Files that are there whole or not at all: temporary name in the same folder, fsync, rename, fsync."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["atomic_path", "link_atomically", "sha256_of", "write_bytes", "write_json"]

#: Bytes read at once when a file is hashed.
READ_SIZE = 1 << 20


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; on a clean exit it becomes `target`, else it is removed.

    Args:
        target: the file to be; its folder is created.

    Example:
        >>> with atomic_path(Path("out/model.h5")) as path:  # doctest: +SKIP
        ...     model.save(path)
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays, since writers look at it (matplotlib, models' save).
    temporary = target.with_name(f".{target.stem}.{os.getpid()}-{uuid.uuid4().hex[:8]}{target.suffix}")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(target: Path, data: bytes) -> None:
    """Write `data` atomically."""
    with atomic_path(target) as path:
        path.write_bytes(data)


def write_json(target: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, atomically."""
    write_bytes(target, (json.dumps(value, indent=2, sort_keys=True) + "\n").encode())


def link_atomically(existing: Path, target: Path) -> None:
    """Make `target` a second name of `existing`, replacing what was there.

    Where the file system knows no hard links the file is copied.
    """
    with atomic_path(target) as path:
        try:
            os.link(existing, path)
        except OSError:
            path.write_bytes(existing.read_bytes())


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_SIZE):
            digest.update(block)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
