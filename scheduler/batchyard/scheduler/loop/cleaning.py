"""What the leader removes: jobs after their retention, workers that have been silent for long."""

from __future__ import annotations

import logging
import time

from batchyard.scheduler.store import Store

__all__ = ["Cleaner"]

log = logging.getLogger(__name__)

#: Seconds between two cleanings.
INTERVAL = 60.0

#: Seconds of silence after which a worker's record goes.
SILENCE = 600.0


class Cleaner:
    """Cleans up now and then. Forgetting when it last did so only delays the next time.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next = time.monotonic() + INTERVAL
        self._silent: dict[str, float] = {}  # incarnation → since when

    def run_when_due(self) -> None:
        """Clean up if the interval has passed."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + INTERVAL
        self._store.forget_expired_jobs()
        silent = {w.incarnation: w for w in self._store.workers() if not w.beating}
        self._silent = {name: self._silent.get(name, now) for name in silent}
        for incarnation, since in self._silent.items():
            if now - since >= SILENCE:
                worker = silent[incarnation]
                self._store.deregister(worker.name, incarnation)
                log.info("forgot a silent worker", extra={"action": "forget", "worker": worker.name})
