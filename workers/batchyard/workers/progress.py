"""Telling of a fit while it trains, without ever holding up a step."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self

from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.protocol import Progress
from batchyard.scheduler.store import Store

__all__ = ["ProgressReporter"]

log = logging.getLogger(__name__)

#: Seconds between two reports of progress.
INTERVAL = 0.25

#: Seconds between two tries while Redis is away.
RETRY = 0.2

#: Seconds that leaving waits for what is not sent yet.
FAREWELL = 2.0


class ProgressReporter:
    """Sends progress and events from a thread of its own.

    Of progress only the newest is sent. Events are sent in order and kept until Redis took them.

    Args:
        store: where they go.
        job_id: the job.
    """

    def __init__(self, store: Store, job_id: str) -> None:
        self._store = store
        self._job = job_id
        self._progress: Progress | None = None
        self._outbox: deque[Callable[[], object]] = deque()
        self._due_at = 0.0
        self._closing = False
        self._sending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def due(self) -> bool:
        """Whether it is time for the next report of progress."""
        return time.monotonic() >= self._due_at

    def progress(self, progress: Progress) -> None:
        """Send what a live display shows; overwrites what is not sent yet."""
        self._due_at = time.monotonic() + INTERVAL
        with self._changed:
            self._progress = progress
            self._changed.notify_all()

    def epoch(self, data: dict[str, Any]) -> None:
        """Tell of a finished epoch, unless somebody has."""
        self._put(partial(self._store.tell_epoch, self._job, data))

    def catch_up(self, epochs: Sequence[int], history: Mapping[str, Sequence[float]]) -> None:
        """Tell of finished epochs that the stream lacks: who should have told of them was lost.

        Args:
            epochs: the finished epochs.
            history: per log one value per finished epoch.
        """
        for row, epoch in enumerate(epochs):
            logs = {name: values[row] for name, values in history.items() if row < len(values)}
            self.epoch(
                {
                    "epoch": epoch,
                    "logs": logs,
                    "seconds": 0.0,
                    "samples_per_second": 0.0,
                    "learning_rate": logs.get("lr"),
                }
            )

    def flush(self, patience: float = FAREWELL) -> bool:
        """Return whether all is sent, waiting for it at most `patience` seconds."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._outbox and self._progress is None and not self._sending, patience
            )

    def close(self) -> None:
        """Send what is left, as far as Redis can be reached, and end the thread."""
        self.flush()
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _put(self, send: Callable[[], object]) -> None:
        with self._changed:
            self._outbox.append(send)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._sending = False
                self._changed.notify_all()
                self._changed.wait_for(
                    lambda: self._closing or bool(self._outbox) or self._progress is not None
                )
                if self._closing:
                    return
                send = self._outbox[0] if self._outbox else None
                progress, self._progress = self._progress, None
                self._sending = True
            try:
                if send is not None:
                    send()
                    self._outbox.popleft()
                if progress is not None:
                    self._store.report_progress(self._job, progress)
            except StoreUnavailable as error:
                log.debug("progress waits for Redis: %s", error, extra={"action": "report_progress"})
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, RETRY)
