"""What happens between a Celery message and the computation: claim, log, compute, report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Literal

from celery import Celery

from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.protocol import TaskKind, TaskMessage
from batchyard.scheduler.store import Claim, Refusal, patiently
from batchyard.workers.context import WorkerContext
from batchyard.workers.failures import describe
from batchyard.workers.job_log import JobLog

__all__ = ["Handler", "Outcome", "TaskRunner"]

log = logging.getLogger(__name__)

#: How a task ended: done and reported; handed back; or taken from this worker, so that nobody wants it.
Outcome = Literal["done", "released", "refused"]

#: Computes a claimed task and reports its result to the store itself. What it raises becomes a failure.
Handler = Callable[[Claim], Outcome]


class TaskRunner:
    """Runs the tasks of a worker, one at a time.

    Args:
        context: the worker.
        handlers: who computes which kind of task.
        job_log: takes the log records of a task.
    """

    def __init__(self, context: WorkerContext, handlers: Mapping[TaskKind, Handler], job_log: JobLog):
        self._context = context
        self._handlers = dict(handlers)
        self._job_log = job_log

    def register(self, app: Celery) -> None:
        """Make the tasks known to Celery, by the names that the scheduler sends."""
        for kind in self._handlers:

            def run(job: str, task: str, attempt: int, kind: TaskKind = kind) -> None:
                self.run(kind, TaskMessage(job, task, attempt))

            app.task(run, name=f"batchyard.{kind.value}")

    def run(self, kind: TaskKind, message: TaskMessage) -> None:
        """Claim the task that a message names and compute it; an outdated message is dropped."""
        context = self._context
        if context.draining.is_set():
            return  # the scheduler knows that we leave and sends it elsewhere
        try:
            claim = patiently(
                lambda: context.store.claim(message, context.name, context.incarnation), context.draining
            )
        except StoreUnavailable:
            return  # draining
        if isinstance(claim, Refusal):
            log.debug("dropped a message: %s", claim.reason, extra={"action": "drop", "task": message.task})
            context.metrics.task_ended(kind.value, "refused")
            return
        with self._job_log.of_job(message.job):
            outcome = self._compute(kind, claim)
        context.metrics.task_ended(kind.value, outcome)

    def _compute(self, kind: TaskKind, claim: Claim) -> str:
        context, task = self._context, claim.task
        held = (claim.job.id, task.id, task.attempt, context.incarnation)
        try:
            outcome = self._handlers[kind](claim)
            return self._release(claim) if outcome == "released" else outcome
        except StoreUnavailable as error:
            log.warning("gave a task up: %s", error, extra={"action": "release", "task": task.id})
            return self._release(claim)
        except Exception as error:
            failure = describe(error)
            log.debug("a task failed", exc_info=True, extra={"action": "fail", "task": task.id})
            try:
                patiently(lambda: context.store.fail(*held, failure), context.draining)
            except StoreUnavailable:
                log.exception("a failure could not be reported", extra={"action": "fail", "task": task.id})
            return "failed"

    def _release(self, claim: Claim) -> Outcome:
        """Hand a task back. Without that it would stay this worker's for as long as the worker lives."""
        context, task = self._context, claim.task
        held = (claim.job.id, task.id, task.attempt, context.incarnation)
        try:
            patiently(lambda: context.store.release(*held), context.draining)
        except StoreUnavailable:
            # Redis is away and the worker drains: whoever reads its heartbeat will give the task to others.
            log.warning("left a task behind", extra={"action": "abandon", "task": task.id})
        return "released"
