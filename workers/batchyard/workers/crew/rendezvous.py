"""Where the members of a generation meet before they have sockets to each other: in the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from torch._C._distributed_c10d import Store as TorchStore

from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.store import Rendezvous
from batchyard.workers.crew.interruption import CrewChanged

__all__ = ["MeetingPoint"]

T = TypeVar("T")

#: Seconds between two looks: at first, and at most.
FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.01

#: Name under which a member says that something is ready.
NOTICE = "notice/"


class MeetingPoint(TorchStore):
    """A `torch.distributed.Store` on the store's meeting point of one generation.

    Torch calls it from threads of its own while a process group forms. Waiting ends when `check` raises, and
    a Redis that is away is waited for. Members also put up notices here: waiting for something that takes its
    time (a callback, a checkpoint that is read) must not be done inside a collective, which could be neither
    abandoned nor given a timeout.

    Args:
        rendezvous: the store's part.
        check: raises when the generation is over.
        patience: seconds that a member may take to appear.
    """

    def __init__(self, rendezvous: Rendezvous, check: Callable[[], None], patience: float) -> None:
        super().__init__()
        self._rendezvous = rendezvous
        self._check = check
        self._patience = patience

    def set(self, key: str, value: str | bytes) -> None:
        """Write a value."""
        data = value.encode() if isinstance(value, str) else bytes(value)

        def write() -> bool:
            self._rendezvous.set(key, data)
            return True

        self._until(write, None)

    def get(self, key: str) -> bytes:
        """Return a value, waiting for it."""
        return self._until(lambda: self._rendezvous.get(key), self._patience)

    def add(self, key: str, amount: int) -> int:
        """Add to a counter and return it."""
        return self._rendezvous.add(key, amount)

    def check(self, keys: list[str]) -> bool:
        """Tell whether all values exist."""
        return self._rendezvous.check(keys)

    def wait(self, keys: list[str], timeout: timedelta | None = None) -> None:
        """Return when all values exist.

        Raises:
            CrewChanged: They do not come, or the generation is over.
        """
        self._until(lambda: self._rendezvous.check(keys) or None, self._patience)

    def put_up(self, notice: str) -> None:
        """Tell all members that something is ready."""
        self.set(NOTICE + notice, b"1")

    def wait_for(self, notice: str) -> None:
        """Return when a member has put up a notice; only the end of the generation cuts it short."""
        self._until(lambda: self._rendezvous.check([NOTICE + notice]) or None, None)

    def gather(self, rank: int, size: int) -> None:
        """Return when all members of the generation are here."""
        self.set(f"here/{rank}", b"1")
        self.wait([f"here/{other}" for other in range(size)])

    def _until(self, look: Callable[[], T | None], patience: float | None) -> T:
        deadline = None if patience is None else time.monotonic() + patience
        pause = FIRST_PAUSE
        while True:
            self._check()
            try:
                found = look()
            except StoreUnavailable:
                found = None
            if found is not None:
                return found
            if deadline is not None and time.monotonic() > deadline:
                raise CrewChanged(f"a member did not appear within {patience:g} s")
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
