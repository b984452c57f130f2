"""Orphan protection: a child notices that its parent is gone, whatever ended it, by a pipe reaching its end.

The parent keeps the writing end open and never writes. The kernel closes it when the parent dies, also by
`kill -9`, and every child that reads the other end wakes up.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable

__all__ = ["PARENT_PIPE_VARIABLE", "ParentPipe", "leave_with_parent"]

logger = logging.getLogger(__name__)

#: Environment variable that tells a child the number of the inherited reading end.
PARENT_PIPE_VARIABLE = "BATCHYARD_PARENT_PIPE"


class ParentPipe:
    """The parent's side of the pipe."""

    def __init__(self) -> None:
        self.reading_end, self._writing_end = os.pipe()

    def environment(self) -> dict[str, str]:
        """Return what a child needs in its environment, beside inheriting `reading_end`."""
        return {PARENT_PIPE_VARIABLE: str(self.reading_end)}

    def close(self) -> None:
        """Let all children know that they are on their own."""
        os.close(self._writing_end)
        os.close(self.reading_end)


def leave_with_parent(leave: Callable[[], None] | None = None) -> None:
    """Watch for the parent's end, when this process was started with a parent's pipe.

    Args:
        leave: Called in a thread when the parent is gone. Default: send ourselves SIGTERM, which drains.
    """
    text = os.environ.pop(PARENT_PIPE_VARIABLE, "")
    if not text.isdecimal():
        return
    reading_end = int(text)
    os.set_inheritable(reading_end, False)  # our own children have a pipe from us

    def watch() -> None:
        while os.read(reading_end, 1):
            pass  # nobody writes; were it so, it would mean nothing
        logger.warning("the parent process is gone; leaving", extra={"action": "orphaned"})
        if leave is not None:
            leave()
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-pipe", daemon=True).start()
