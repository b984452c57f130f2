"""What the reconciliation of one job may do: the store's fenced writes, and publishing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from batchyard.scheduler.dispatch import Publisher
from batchyard.scheduler.loop.fleet import Fleet
from batchyard.scheduler.protocol import (
    EventKind,
    JobRecord,
    JobState,
    TaskRecord,
    TaskState,
    WorkerOrder,
    WorkerRecord,
)
from batchyard.scheduler.store import Store

__all__ = ["MESSAGES_BEFORE_DEAF", "Actions"]

#: A worker that does not claim this many messages in a row counts as deaf and is restarted.
MESSAGES_BEFORE_DEAF = 2


@dataclass
class Actions:
    """The hands of a reconciliation pass.

    Args:
        store: The store.
        publisher: Sends messages.
        token: The leader's token.
        fleet: The workers at the beginning of the pass.
        free: Workers that no job holds; shrinks as the pass hands them out.
        now: Redis's clock at the beginning of the pass.
        claim_timeout: Seconds until a dispatched task that nobody claims is dispatched anew.
        growing: Whether running jobs may take free workers (no queued job waits for them).
    """

    store: Store
    publisher: Publisher
    token: str
    fleet: Fleet
    free: list[WorkerRecord]
    now: float
    claim_timeout: float
    growing: bool

    def end(
        self,
        job: JobRecord,
        state: JobState,
        reason: str,
        *,
        detail: str = "",
        outcome: dict[str, Any] | None = None,
    ) -> None:
        """End a job."""
        self.store.end_job(self.token, job.id, state, reason, detail=detail, outcome=outcome)

    def allot(self, job: JobRecord, names: list[str]) -> JobRecord:
        """Write down which workers a running job holds."""
        if names == job.allotted:
            return job
        self.store.update_job(self.token, job.id, JobState.RUNNING, {"allotted": names})
        return dataclasses.replace(job, allotted=names)

    def explain(self, job: JobRecord, reason: str) -> None:
        """Write down in one line what a job waits for."""
        if reason != job.reason:
            event = (EventKind.WAITING, {"reason": reason}) if reason else None
            self.store.update_job(self.token, job.id, JobState(job.state), {"reason": reason}, event)

    def create(
        self, job: JobRecord, task: TaskRecord, worker: WorkerRecord, fields: dict[str, Any] | None = None
    ) -> TaskRecord | None:
        """Create a task and send it to a worker; None when it exists already."""
        task = dataclasses.replace(
            task, attempt=1, state=TaskState.DISPATCHED, worker=worker.name, dispatched_at=self.now
        )
        if not self.store.create_task(self.token, job.id, task, fields):
            return None
        self.publisher.publish(job.id, task, worker)
        return task

    def dispatch(self, job: JobRecord, task: TaskRecord, worker: WorkerRecord) -> None:
        """Send a task in a new attempt; what earlier attempts do from here on has no effect."""
        fresh = dataclasses.replace(
            task,
            attempt=task.attempt + 1,
            state=TaskState.DISPATCHED,
            worker=worker.name,
            incarnation="",
            unheard=task.unheard + 1 if task.state == TaskState.DISPATCHED else 0,
        )
        if self.store.change_task(self.token, job.id, task, fresh, dispatched=True):
            self.publisher.publish(job.id, fresh, worker)

    def take_back(self, job: JobRecord, task: TaskRecord) -> None:
        """Take a task from a worker that is gone or deaf; it waits for another one."""
        fresh = dataclasses.replace(
            task,
            attempt=task.attempt + 1,
            state=TaskState.WAITING,
            worker="",
            incarnation="",
            deaths=task.deaths + (task.state == TaskState.RUNNING),
        )
        self.store.change_task(self.token, job.id, task, fresh)

    def send_again(self, job: JobRecord, task: TaskRecord) -> TaskRecord | None:
        """Look after a task that was dispatched and not claimed in time.

        The first messages may have been lost: they are sent again. After that the worker counts as deaf
        (Celery consumers have stopped consuming after a reconnection: celery #8030, #8091), is restarted by
        its supervisor, and the task waits for another one.

        Returns:
            The task, or None when it was taken from the worker.
        """
        worker = self.fleet.get(task.worker)
        if self.now - task.dispatched_at <= self.claim_timeout:
            return task
        if worker is not None and task.unheard + 1 < MESSAGES_BEFORE_DEAF:
            self.dispatch(job, task, worker)
            return task
        if worker is not None:
            self.store.order(worker.name, worker.incarnation, WorkerOrder.RESTART)
            message = f"worker {worker.name} beats but takes no messages; it was told to restart"
            self.store.emit(job.id, EventKind.WARNING, {"message": message})
        self.take_back(job, task)
        return None
