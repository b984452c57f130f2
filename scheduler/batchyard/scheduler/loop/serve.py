"""The scheduler's process: leads or stands by, and runs passes until it is told to stop."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid

from batchyard.scheduler.dispatch import Publisher, make_app
from batchyard.scheduler.errors import NotLeader, StoreUnavailable
from batchyard.scheduler.loop.cleaning import Cleaner
from batchyard.scheduler.loop.metrics import SchedulerMetrics
from batchyard.scheduler.loop.reconcile import Reconciler
from batchyard.scheduler.store import Store

__all__ = ["HEARTBEAT_TTL", "serve"]

log = logging.getLogger(__name__)

#: Seconds that a worker's heartbeat lasts; `BATCHYARD_HEARTBEAT_TTL` sets it for workers and scheduler alike.
HEARTBEAT_TTL = 5.0

#: Seconds that the leadership lasts without renewal.
LEADER_TTL = 5.0

#: Seconds between two passes when nothing wakes the loop: with jobs, and without.
BUSY_INTERVAL = 0.25
IDLE_INTERVAL = 1.0

#: Seconds after which a wait looks whether the process shall end.
STOP_INTERVAL = 0.2


def serve(redis_url: str, *, metrics_port: int | None = None, stop: threading.Event | None = None) -> None:
    """Run a scheduler until `stop` is set.

    Several may run; one leads, the others stand by. It holds nothing that it cannot read back from Redis, so
    it can be killed at any time. An outage of Redis is waited out.

    Args:
        redis_url: Address of Redis.
        metrics_port: Port of /metrics. Default: none.
        stop: Ends the scheduler. Default: it runs until the process ends.

    Raises:
        RedisUnreachable: Redis does not answer at the start.
    """
    stop = stop or threading.Event()
    store = Store.connect(redis_url)
    app = make_app(redis_url)
    try:
        ttl = float(os.environ.get("BATCHYARD_HEARTBEAT_TTL", HEARTBEAT_TTL))
        metrics = SchedulerMetrics(store)
        if metrics_port is not None:
            metrics.listen(metrics_port)
        _Loop(store, Reconciler(store, Publisher(app), ttl), Cleaner(store), metrics, ttl).run(stop)
    finally:
        app.close()
        store.close()


class _Loop:
    def __init__(
        self,
        store: Store,
        reconciler: Reconciler,
        cleaner: Cleaner,
        metrics: SchedulerMetrics,
        heartbeat_ttl: float,
    ) -> None:
        self._store = store
        self._reconciler = reconciler
        self._cleaner = cleaner
        self._metrics = metrics
        self._id = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._token = ""
        self._position = "0"
        self._away = False  #: whether Redis does not answer
        # The contact with Redis must be looked after more often than heartbeats expire.
        self._longest = heartbeat_ttl / 5

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                interval = self._step()
                if self._away:
                    log.info("Redis answers again", extra={"action": "wait"})
                self._away = False
                self._wait(min(interval, self._longest), stop)
            except StoreUnavailable as error:
                if not self._away:
                    log.warning("waiting for Redis: %s", error, extra={"action": "wait"})
                self._away = True
                stop.wait(0.2)
        if self._token:
            try:
                self._store.resign(self._token)
            except StoreUnavailable:
                log.warning("Redis is away; the leadership ends by itself", extra={"action": "resign"})

    def _wait(self, seconds: float, stop: threading.Event) -> None:
        """Wait until something wakes the loop, the time is over, or the process shall end."""
        deadline = time.monotonic() + seconds
        before = self._position
        while self._position == before and not stop.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._position = self._store.wait_for_wakeup(before, min(left, STOP_INTERVAL))

    def _step(self) -> float:
        """Lead or stand by, once; return the seconds until the next step is due."""
        before = self._token
        self._token = self._store.lead(self._id, LEADER_TTL, self._token) or ""
        if self._token != before:
            log.info("leading" if self._token else "standing by", extra={"action": "lead"})
        self._metrics.leading(bool(self._token))
        if not self._token:
            return IDLE_INTERVAL
        # What happens from here on wakes the next step: the position is taken before the state is read.
        self._position = self._store.last_wakeup()
        started = time.monotonic()
        try:
            active = self._reconciler.run_pass(self._token)
            self._cleaner.run_when_due()
        except NotLeader:
            return 0.0
        self._metrics.passed(time.monotonic() - started)
        return BUSY_INTERVAL if active else IDLE_INTERVAL
