"""The heartbeat: a thread that keeps a worker's leases alive while torch computes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.protocol import WorkerOrder, WorkerRecord
from batchyard.scheduler.store import Store
from batchyard.workers.metrics import WorkerMetrics

__all__ = ["Heartbeat"]

log = logging.getLogger(__name__)

#: Beats within the time after which a silent worker counts as dead.
BEATS_PER_TTL = 5


class Heartbeat:
    """Renews a worker's heartbeat until stopped, and passes on what the answers order.

    Args:
        store: where to beat.
        worker: the process, registered already.
        ttl: seconds after which it counts as dead when it is silent.
        obey: called in the heartbeat's thread with `RESTART` or `LEAVE`, once.
        metrics: told of each beat that Redis took.
    """

    def __init__(
        self,
        store: Store,
        worker: WorkerRecord,
        ttl: float,
        obey: Callable[[WorkerOrder], None],
        metrics: WorkerMetrics,
    ):
        self._store = store
        self._worker = worker
        self._ttl = ttl
        self._obey = obey
        self._metrics = metrics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Beat no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        away = obeyed = False
        while not self._stop.wait(self._ttl / BEATS_PER_TTL):
            try:
                order = self._store.beat(self._worker.name, self._worker.incarnation, self._ttl)
                if order == WorkerOrder.REGISTER:
                    self._store.register(self._worker, self._ttl)
            except StoreUnavailable as error:
                if not away:
                    log.warning("heartbeats do not get through: %s", error, extra={"action": "beat"})
                away = True
                continue
            if away:
                log.info("heartbeats get through again", extra={"action": "beat"})
            away = False
            self._metrics.beat_taken()
            if order in (WorkerOrder.RESTART, WorkerOrder.LEAVE) and not obeyed:
                obeyed = True
                log.warning("ordered to %s", order.value, extra={"action": "obey"})
                self._obey(order)
