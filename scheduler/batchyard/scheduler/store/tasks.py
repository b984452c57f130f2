"""Tasks: the scheduler writes and drops them; workers claim, commit, fail and release them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from batchyard.scheduler.protocol import (
    JobRecord,
    LedgerEntry,
    TaskFailure,
    TaskKind,
    TaskMessage,
    TaskRecord,
    TaskState,
)
from batchyard.scheduler.store import keys
from batchyard.scheduler.store.connection import Connection
from batchyard.scheduler.store.jobs import accepted
from batchyard.scheduler.store.records import decode_job, encode_fields

__all__ = ["Claim", "Refusal", "TaskOperations"]


@dataclass(frozen=True)
class Claim:
    """The right to a task, for as long as the attempt lasts."""

    job: JobRecord
    task: TaskRecord


@dataclass(frozen=True)
class Refusal:
    """No right to a task: the message was late, doubled or outdated. Drop it silently."""

    reason: str


class TaskOperations:
    """What can be done with tasks."""

    _connection: Connection

    # ---- the leading scheduler

    def tasks(self, job_id: str) -> list[TaskRecord]:
        """Return a job's live tasks, oldest first."""
        documents = self._connection.command("HVALS", keys.tasks(job_id))
        return sorted(
            (TaskRecord.from_json(d) for d in documents), key=lambda t: (t.created_at, t.start, t.id)
        )

    def create_task(
        self, token: str, job_id: str, task: TaskRecord, fields: dict[str, Any] | None = None
    ) -> bool:
        """Add a task, and change fields of its job in the same instant; False when it exists already.

        Raises:
            NotLeader: Another scheduler leads.
        """
        return self._put(token, job_id, task, -1, "", "created_at", fields or {})

    def change_task(
        self,
        token: str,
        job_id: str,
        believed: TaskRecord,
        task: TaskRecord,
        *,
        dispatched: bool = False,
    ) -> bool:
        """Replace a task that still is in the attempt and state believed; False when it is not.

        Args:
            token: The leader's token.
            job_id: The job.
            believed: The task as it was read.
            task: The task as it shall be.
            dispatched: Whether to date `dispatched_at` with now. Default False.

        Raises:
            NotLeader: Another scheduler leads.
        """
        stamp = "dispatched_at" if dispatched else ""
        return self._put(token, job_id, task, believed.attempt, TaskState(believed.state).value, stamp, {})

    def drop_task(self, token: str, job_id: str, task: TaskRecord) -> bool:
        """Remove a task that still is in this attempt; False when it is not.

        Raises:
            NotLeader: Another scheduler leads.
        """
        answer = self._connection.script(
            "drop_task", [keys.LEADER, keys.tasks(job_id)], [token, task.id, task.attempt]
        )
        return accepted(answer)

    def quarantine(self, token: str, job_id: str, task: TaskRecord, entry: LedgerEntry) -> bool:
        """Give a failing batch up: a ledger entry without a part takes the task's place.

        Raises:
            NotLeader: Another scheduler leads.
        """
        data = {"start": entry.start, "stop": entry.stop, "worker": entry.worker, "error": entry.error}
        answer = self._connection.script(
            "quarantine",
            [keys.LEADER, keys.job(job_id), keys.tasks(job_id), keys.ledger(job_id), keys.events(job_id)],
            [token, task.id, task.attempt, entry.start, entry.to_json(), json.dumps(data)],
        )
        return accepted(answer)

    # ---- workers

    def claim(self, message: TaskMessage, worker: str, incarnation: str) -> Claim | Refusal:
        """Take the task that a message named, or learn why it is not to be had.

        Args:
            message: What Celery delivered.
            worker: Name of the worker.
            incarnation: Of its process.
        """
        right, text = self._connection.script(
            "claim",
            [keys.job(message.job), keys.tasks(message.job), keys.WAKE],
            [message.task, message.attempt, worker, incarnation],
        )
        if not right:
            return Refusal(text)
        fields = self._connection.command("HGETALL", keys.job(message.job))
        return Claim(job=decode_job(fields), task=TaskRecord.from_json(text))

    def commit(self, job_id: str, task_id: str, attempt: int, incarnation: str, entry: LedgerEntry) -> bool:
        """Enter a finished range into the ledger; False when the attempt is over or a twin was first."""
        return bool(
            self._connection.script(
                "commit",
                [keys.job(job_id), keys.tasks(job_id), keys.ledger(job_id), keys.WAKE],
                [task_id, attempt, incarnation, entry.start, entry.to_json()],
            )
        )

    def finish(
        self, job_id: str, task_id: str, attempt: int, incarnation: str, outcome: dict[str, Any]
    ) -> bool:
        """Report the job's outcome, made by its join task; False when the attempt is over."""
        return bool(
            self._connection.script(
                "finish",
                [keys.job(job_id), keys.tasks(job_id), keys.WAKE],
                [task_id, attempt, incarnation, json.dumps(outcome, sort_keys=True)],
            )
        )

    def fail(self, job_id: str, task_id: str, attempt: int, incarnation: str, failure: TaskFailure) -> bool:
        """Report that an attempt raised; False when the attempt is over anyway."""
        return bool(
            self._connection.script(
                "fail", [keys.tasks(job_id), keys.WAKE], [task_id, attempt, incarnation, failure.to_json()]
            )
        )

    def release(self, job_id: str, task_id: str, attempt: int, incarnation: str) -> bool:
        """Hand a task back unfinished; False when the attempt is over anyway."""
        return bool(
            self._connection.script(
                "release", [keys.tasks(job_id), keys.WAKE], [task_id, attempt, incarnation]
            )
        )

    def still_mine(self, job_id: str, task_id: str, attempt: int, incarnation: str) -> bool:
        """Tell whether a process still holds a task: neither cancelled, nor lost to another attempt."""
        text, job = self._connection.pipeline(
            [("HGET", keys.tasks(job_id), task_id), ("HMGET", keys.job(job_id), "state", "want")]
        )
        if text is None or job[0] != "running" or job[1] == "cancel":
            return False
        record = TaskRecord.from_json(text)
        return record.attempt == attempt and record.incarnation == incarnation

    def ledger(self, job_id: str) -> list[LedgerEntry]:
        """Return a job's finished ranges in the order of their batches."""
        documents = self._connection.command("HVALS", keys.ledger(job_id))
        return sorted((LedgerEntry.from_json(d) for d in documents), key=lambda entry: entry.start)

    def done_already(self, job_id: str, tasks: Iterable[TaskRecord]) -> list[TaskRecord]:
        """Return the ranges among some tasks that stand in the ledger: a twin was first."""
        ranges = [task for task in tasks if task.kind == TaskKind.RANGE]
        answers = self._connection.pipeline([("HEXISTS", keys.ledger(job_id), task.start) for task in ranges])
        return [task for task, done in zip(ranges, answers, strict=True) if done]

    def _put(
        self,
        token: str,
        job_id: str,
        task: TaskRecord,
        expected_attempt: int,
        expected_state: str,
        stamp: str,
        fields: dict[str, Any],
    ) -> bool:
        answer = self._connection.script(
            "put_task",
            [keys.LEADER, keys.job(job_id), keys.tasks(job_id)],
            [
                token,
                task.id,
                expected_attempt,
                expected_state,
                task.to_json(),
                stamp,
                *encode_fields(fields),
            ],
        )
        return accepted(answer)
