"""A job as its submitter sees it, from whichever process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from batchyard.scheduler.client.log_lines import log_lines
from batchyard.scheduler.client.result import JobResult, history_of
from batchyard.scheduler.errors import JobCancelled, JobFailed, ResultTimeout, StoreUnavailable
from batchyard.scheduler.protocol import Event, EventKind, JobRecord, JobState, Progress, Want
from batchyard.scheduler.store import Store, patiently

__all__ = ["JobHandle", "JobStatus"]

T = TypeVar("T")

#: Seconds that one read of the event stream waits for news.
_LISTEN = 1.0
#: Seconds that Redis may be away before a caller is told: jobs survive it, and so should those who watch.
PATIENCE = 60.0


@dataclass(frozen=True)
class JobStatus:
    """How a job is doing."""

    state: JobState
    reason: str  #: one line: why it waits, or how it ended
    progress: Progress
    record: JobRecord


class JobHandle:
    """A job that was submitted. Get one from `Client.fit`, …, or for any job from `Client.job(id)`.

    Args:
        store: The store that knows it.
        job_id: Its id.
        check: Called while waiting; raises when the system that should run the job has broken down.
            Default: nothing is checked.
    """

    def __init__(self, store: Store, job_id: str, check: Callable[[], None] | None = None) -> None:
        self._store = store
        self._check = check or (lambda: None)
        self.id = job_id

    def __repr__(self) -> str:
        return f"JobHandle({self.id!r})"

    def record(self) -> JobRecord:
        """Return the job as the store knows it now."""
        return self._patiently(lambda: self._store.job(self.id))

    def status(self) -> JobStatus:
        """Return how the job is doing."""
        record = self.record()
        progress = self._patiently(lambda: self._store.progress(self.id))
        return JobStatus(JobState(record.state), record.reason, progress, record)

    def events(self, *, follow: bool = False, after: str = "0") -> Iterator[Event]:
        """Yield the job's events.

        Args:
            follow: Whether to wait for further ones until the job has ended. Default: those there are.
            after: Id of the last event already seen. Default: from the beginning.
        """
        for event in self._listen(after, follow=follow, deadline=None):
            if event is not None:
                yield event

    def listen(self, after: str = "0", wait: float = _LISTEN) -> list[Event]:
        """Return the events after a position, waiting for the first at most `wait` seconds."""
        self._check()
        return self._patiently(lambda: self._store.events(self.id, after, wait))

    def wait(self, timeout: float | None = None) -> JobState:
        """Wait until the job has ended, however it does, and return its last state.

        Args:
            timeout: Seconds to wait at most. Default: for as long as it takes.

        Raises:
            ResultTimeout: It has not ended by then.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        for _ in self._listen("0", follow=True, deadline=deadline):
            if deadline is not None and time.monotonic() >= deadline:
                state = JobState(self.record().state)
                if not state.ended:
                    raise ResultTimeout(self.id, timeout or 0.0, state)
        return JobState(self.record().state)

    def result(self, timeout: float | None = None) -> JobResult:
        """Wait until the job has succeeded and return what it made.

        Args:
            timeout: Seconds to wait at most. Default: for as long as it takes.

        Raises:
            JobFailed: It failed; `reason` says why in one line, `detail` in full.
            JobCancelled: It was cancelled.
            ResultTimeout: It has not ended by then.
        """
        state = self.wait(timeout)
        record = self.record()
        if state is JobState.CANCELLED:
            raise JobCancelled(self.id, record.reason, record.error_detail)
        if state is not JobState.SUCCEEDED:
            raise JobFailed(self.id, record.reason, record.error_detail)
        return JobResult(record, history_of(self.events()))

    def cancel(self) -> JobState:
        """Drop the job; what it has written stays. Returns its state after the request."""
        return self._patiently(lambda: self._store.request(self.id, Want.CANCEL))

    def stop(self) -> JobState:
        """Ask a fit job to end after its present step and to keep its results."""
        return self._patiently(lambda: self._store.request(self.id, Want.STOP))

    def logs(self, *, follow: bool = False) -> Iterator[str]:
        """Yield the job's log, line by line; with `follow` until the job has ended."""
        for event in self.events(follow=follow):
            yield from log_lines(event)

    def _listen(self, after: str, *, follow: bool, deadline: float | None) -> Iterator[Event | None]:
        """Yield events, and None whenever there is no news, until the last one."""
        while True:
            left = _LISTEN if deadline is None else min(_LISTEN, deadline - time.monotonic())
            # The state is read first: what happened before the end is then in the stream.
            ended = not follow or JobState(self.record().state).ended
            events = self.listen(after, 0.0 if ended else max(0.0, left))
            for event in events:
                yield event
                after = event.id
                if event.kind == EventKind.ENDED:
                    return
            if not events:
                if ended:
                    return
                yield None

    def _patiently(self, run: Callable[[], T]) -> T:
        """Run a store operation; wait for a Redis that is away, but not for ever."""
        try:
            return run()
        except StoreUnavailable:
            stop = threading.Event()
            timer = threading.Timer(PATIENCE, stop.set)
            timer.daemon = True
            timer.start()
            try:
                return patiently(run, stop)
            finally:
                timer.cancel()
