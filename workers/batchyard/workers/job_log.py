"""Log records of a running task, sent to its job's event stream."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.protocol import EventKind
from batchyard.scheduler.store import Store

__all__ = ["JobLog"]

#: Records that wait to be sent; what comes on top is counted and dropped, so that logging never holds up
#: a step.
CAPACITY = 1000
#: Loggers that speak of the worker, not of the job.
NOT_OF_THE_JOB = ("celery", "kombu", "amqp", "redis", "batchyard.scheduler", __name__)
#: Longest message, in characters.
LONGEST = 8000


class JobLog(logging.Handler):
    """Sends what is logged inside `of_job` to that job's events, from a thread of its own.

    Args:
        store: where the events go.
        worker: name of this worker, shown with each line.
    """

    def __init__(self, store: Store, worker: str):
        super().__init__(logging.INFO)
        self._store = store
        self._worker = worker
        self._job: str | None = None
        self._dropped = 0
        self._lines: queue.Queue[tuple[str, dict[str, str]] | None] = queue.Queue(CAPACITY)
        self._thread = threading.Thread(target=self._send, name="job-log", daemon=True)
        self._thread.start()

    @contextmanager
    def of_job(self, job_id: str) -> Iterator[None]:
        """Let the records of this process, while the block runs, belong to a job."""
        self._job = job_id
        try:
            yield
        finally:
            self._job = None

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record."""
        job = self._job
        if job is None or record.name.startswith(NOT_OF_THE_JOB):
            return
        line = {
            "level": record.levelname,
            "logger": record.name,
            "message": self.format(record)[:LONGEST],
            "worker": self._worker,
        }
        try:
            self._lines.put_nowait((job, line))
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Send what is queued, and end the thread."""
        if self._thread.is_alive():
            self._lines.put(None)
            self._thread.join(timeout=5)
        super().close()

    def _send(self) -> None:
        while (item := self._lines.get()) is not None:
            job, line = item
            dropped, self._dropped = self._dropped, 0
            if dropped:
                line = {**line, "message": f"({dropped} lines were dropped here)\n{line['message']}"}
            try:
                self._store.emit(job, EventKind.LOG, line)
            except StoreUnavailable:
                self._dropped += dropped + 1
