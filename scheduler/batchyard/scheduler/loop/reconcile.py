"""One pass of the scheduler: read everything, compare wanted with actual, act.

A pass needs nothing from earlier passes. It can be interrupted after any write; the next one, by whoever
leads then, goes on from what it finds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from batchyard.scheduler.dispatch import Publisher
from batchyard.scheduler.errors import UnknownJob
from batchyard.scheduler.jobs import JobSpec
from batchyard.scheduler.loop.actions import Actions
from batchyard.scheduler.loop.admission import Start, Verdict, Wait, admit
from batchyard.scheduler.loop.fit import reconcile_fit
from batchyard.scheduler.loop.fleet import Contact, Fleet
from batchyard.scheduler.loop.ranges import reconcile_ranges
from batchyard.scheduler.protocol import EventKind, JobKind, JobRecord, JobState, WorkerRecord
from batchyard.scheduler.store import Store

__all__ = ["CLAIM_TIMEOUT", "Reconciler"]

log = logging.getLogger(__name__)

#: Seconds until a dispatched task that nobody claims is dispatched anew.
CLAIM_TIMEOUT = 5.0

RECONCILERS: dict[JobKind, Callable[[Actions, JobRecord, JobSpec], None]] = {
    JobKind.FIT: reconcile_fit,
    JobKind.PREDICT: reconcile_ranges,
    JobKind.EVALUATE: reconcile_ranges,
}


class Reconciler:
    """Runs passes.

    Args:
        store: The store.
        publisher: Sends messages.
        heartbeat_ttl: Seconds that a heartbeat lasts.
    """

    def __init__(self, store: Store, publisher: Publisher, heartbeat_ttl: float) -> None:
        self._store = store
        self._publisher = publisher
        self._contact = Contact(heartbeat_ttl)

    def run_pass(self, token: str) -> int:
        """Run one pass as the leader, and return the number of jobs that have not ended.

        Raises:
            NotLeader: Another scheduler leads.
            StoreUnavailable: Redis does not answer.
        """
        now = self._store.now()
        self._contact.touch(now)
        fleet = Fleet(self._store.workers(), self._contact.settled)
        active = self._store.jobs([JobState.QUEUED, JobState.RUNNING])
        running = [job for job in active if job.state == JobState.RUNNING]
        queued = [job for job in active if job.state == JobState.QUEUED]
        free = fleet.free(running)
        usable = [worker for worker in fleet if fleet.usable(worker)]
        verdicts = admit(queued, running, self._needed(queued), usable, free)
        contended = any(isinstance(v, Start) or v.contends for v in verdicts)
        actions = Actions(
            store=self._store,
            publisher=self._publisher,
            token=token,
            fleet=fleet,
            free=free,
            now=now,
            claim_timeout=CLAIM_TIMEOUT,
            growing=not contended,
        )
        for job in running:
            spec = JobSpec.model_validate(job.spec)
            actions.claim_timeout = spec.claim_timeout or CLAIM_TIMEOUT
            RECONCILERS[JobKind(job.kind)](actions, job, spec)
        for verdict in verdicts:
            self._apply(actions, verdict)
        return len(active)

    def _needed(self, queued: list[JobRecord]) -> dict[str, JobRecord]:
        found = {}
        for job_id in {needed for job in queued for needed in job.spec.get("after", [])}:
            try:
                found[job_id] = self._store.job(job_id)
            except UnknownJob:
                log.info("a job that another one needs is gone", extra={"action": "admit", "job": job_id})
        return found

    def _apply(self, actions: Actions, verdict: Verdict) -> None:
        job = verdict.job
        if isinstance(verdict, Wait):
            if verdict.impossible:
                actions.end(job, JobState.FAILED, verdict.reason)
            else:
                actions.explain(job, verdict.reason)
        elif all(worker in actions.free for worker in verdict.workers):
            self._start(actions, job, verdict.workers)

    def _start(self, actions: Actions, job: JobRecord, workers: tuple[WorkerRecord, ...]) -> None:
        spec = JobSpec.model_validate(job.spec)
        fingerprints = sorted({worker.fingerprint for worker in workers})
        fields = {
            "allotted": [worker.name for worker in workers],
            "fingerprint": fingerprints[0],
            "batches": spec.batches,
            "reason": "",
        }
        if not self._store.start_job(actions.token, job.id, fields=fields):
            return
        for worker in workers:
            actions.free.remove(worker)
        if len(fingerprints) > 1:
            message = (
                "workers of several fingerprints take part: the result's bits depend on who computes what"
            )
            self._store.emit(job.id, EventKind.WARNING, {"message": message})
        started = self._store.job(job.id)
        actions.claim_timeout = spec.claim_timeout or CLAIM_TIMEOUT
        RECONCILERS[JobKind(job.kind)](actions, started, spec)
