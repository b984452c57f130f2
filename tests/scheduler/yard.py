"""A yard without processes: a real store and real passes, workers played by the test."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any

from batchyard.scheduler.dispatch import Publisher, make_app
from batchyard.scheduler.jobs import JobSpec
from batchyard.scheduler.loop.reconcile import Reconciler
from batchyard.scheduler.protocol import (
    JobRecord,
    LedgerEntry,
    TaskMessage,
    TaskRecord,
    TaskState,
    WorkerRecord,
)
from batchyard.scheduler.store import Claim, Refusal, Store

LONG = 1000.0


class Yard:
    """The leader of an empty store, and the workers and jobs that a test adds."""

    def __init__(self, redis_url: str) -> None:
        self.store = Store.connect(redis_url)
        self.app = make_app(redis_url)
        self.token = self.store.lead("test", LONG) or ""
        self.workers: dict[str, WorkerRecord] = {}
        self._numbers = itertools.count(1)
        self.restart_scheduler()

    def close(self) -> None:
        self.app.close()
        self.store.close()

    def restart_scheduler(self) -> None:
        """Forget everything that a scheduler holds in memory."""
        self.reconciler = Reconciler(self.store, Publisher(self.app), heartbeat_ttl=0.0)

    def run_pass(self) -> None:
        self.reconciler.run_pass(self.token)

    def start_worker(self, name: str, **fields: Any) -> WorkerRecord:
        """Start a worker, or a new incarnation of one that was there."""
        record = WorkerRecord(
            **{
                "name": name,
                "incarnation": f"{name}#{next(self._numbers)}",
                "host": "here",
                "pid": 1,
                "device": "cpu:0",
                "fingerprint": "cpu",
                "allow_code": False,
                "address": "127.0.0.1",
                **fields,
            }
        )
        self.store.register(record, LONG)
        self.workers[name] = record
        return record

    def kill(self, name: str) -> None:
        self.store.report_death(name, self.workers[name].incarnation)

    def submit(self, job_id: str, owner: str = "somebody", **fields: Any) -> JobRecord:
        spec = JobSpec.model_validate(
            {
                "name": job_id,
                "kind": "fit",
                "model": "/model.h5",
                "data": {"file": "/data.h5", "x": "x", "y": "y"},
                "batch_size": 8,
                "samples": 80,
                **fields,
            }
        )
        record = JobRecord(
            id=job_id,
            kind=spec.kind,
            spec=json.loads(spec.model_dump_json()),
            owner=owner,
            priority=spec.priority,
            directory=f"/runs/{job_id}",
        )
        self.store.submit(record)
        return record

    def dispatched(self, job_id: str) -> list[TaskRecord]:
        return [task for task in self.store.tasks(job_id) if task.state == TaskState.DISPATCHED]

    def claim(self, job_id: str, task: TaskRecord) -> Claim | Refusal:
        incarnation = self.workers[task.worker].incarnation
        return self.store.claim(TaskMessage(job_id, task.id, task.attempt), task.worker, incarnation)

    def claim_all(self, job_id: str) -> list[TaskRecord]:
        """Let every worker take what was sent to it."""
        claims = [self.claim(job_id, task) for task in self.dispatched(job_id)]
        return [claim.task for claim in claims if isinstance(claim, Claim)]

    def commit(self, job_id: str, task: TaskRecord) -> bool:
        entry = LedgerEntry(
            start=task.start,
            stop=task.stop,
            part=f"{task.id}.{task.attempt}.{task.incarnation}",
            rows=8 * (task.stop - task.start),
            seconds=0.01 * (task.stop - task.start),
            worker=task.worker,
        )
        return self.store.commit(job_id, task.id, task.attempt, task.incarnation, entry)

    def crew_of(self, job_id: str) -> dict[str, tuple[int, int]]:
        return {member.worker: member.lanes for member in self.store.crew(job_id).members}


def later(task: TaskRecord, **fields: Any) -> TaskRecord:
    """Return a task with some fields changed."""
    return dataclasses.replace(task, **fields)
