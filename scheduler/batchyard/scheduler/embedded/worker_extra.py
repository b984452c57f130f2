"""Whether workers can run on this machine: they need more than the scheduler does."""

from __future__ import annotations

from importlib.util import find_spec

from batchyard.scheduler.errors import MissingExtra

__all__ = ["require_worker_extra"]

#: What a worker needs, beside the scheduler's own dependencies.
_WORKER_PARTS = ("batchyard.workers", "torch", "matplotlib", "psutil")


def require_worker_extra(need: str) -> None:
    """Make sure that workers can run here; nothing is imported.

    Args:
        need: What they are needed for.

    Raises:
        MissingExtra: Something that they import is not installed.
    """
    missing = next((part for part in _WORKER_PARTS if find_spec(part) is None), None)
    if missing is not None:
        raise MissingExtra("worker", f"{need} (it lacks {missing})")
