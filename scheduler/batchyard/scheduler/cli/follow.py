"""Following several jobs to their end, and what Ctrl-C means meanwhile."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from types import FrameType
from typing import Protocol, Self

from batchyard.scheduler.client import JobHandle
from batchyard.scheduler.client.job_handle import JobStatus
from batchyard.scheduler.protocol import Event, EventKind, JobKind, JobRecord, JobState

__all__ = ["Interrupts", "View", "follow"]

#: Seconds between two looks at the progress of jobs.
_TICK = 0.2


class View(Protocol):
    """Shows jobs while they run."""

    def event(self, job: JobRecord, event: Event) -> None:
        """Show that something happened."""

    def progress(self, status: JobStatus) -> None:
        """Show how far a job is."""

    def ended(self, job: JobRecord, history: Sequence[Event]) -> None:
        """Show what a job has left behind."""

    def note(self, text: str) -> None:
        """Show a message that belongs to no job."""


class Interrupts:
    """Counts Ctrl-C instead of raising; the handler itself does nothing that could fail."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._note)
        self._before_term = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        signal.signal(signal.SIGTERM, self._before_term)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


def follow(handles: Sequence[JobHandle], view: View, interrupts: Interrupts) -> list[JobRecord]:
    """Show jobs until all have ended, and return their last records.

    The first Ctrl-C asks running jobs to stop gracefully and drops those that have not begun; the second one
    cancels all.
    """
    seen = {handle.id: "0" for handle in handles}
    history: dict[str, list[Event]] = {handle.id: [] for handle in handles}
    open_jobs = {handle.id: handle for handle in handles}
    last: dict[str, JobRecord] = {}
    answered = 0
    while open_jobs:
        if interrupts.count > answered:
            answered = interrupts.count
            _answer(list(open_jobs.values()), view, answered)
        for position, handle in enumerate(list(open_jobs.values())):
            # Only the first one is waited for; the others are looked at in passing.
            status = handle.status()
            last[handle.id] = status.record
            events = handle.listen(
                seen[handle.id], _TICK if position == 0 and not status.state.ended else 0.0
            )
            for event in events:
                seen[handle.id] = event.id
                view.event(status.record, event)
                if event.kind == EventKind.EPOCH:
                    history[handle.id].append(event)
            view.progress(status)
            if status.state.ended and not events:
                view.ended(status.record, history[handle.id])
                del open_jobs[handle.id]
    return [last[handle.id] for handle in handles]


def _answer(handles: Sequence[JobHandle], view: View, count: int) -> None:
    """Do what a further Ctrl-C means."""
    if count > 1:
        view.note("cancelling all jobs")
        for handle in handles:
            handle.cancel()
        return
    view.note("asking the job to stop and keep its results; Ctrl-C again cancels it")
    for handle in handles:
        status = handle.status()
        if status.state is JobState.RUNNING and status.record.kind == JobKind.FIT:
            handle.stop()
        else:
            handle.cancel()
