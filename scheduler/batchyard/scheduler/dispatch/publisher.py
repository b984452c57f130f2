"""Sends tasks to workers."""

from __future__ import annotations

import logging

from celery import Celery
from kombu.exceptions import OperationalError

from batchyard.scheduler.dispatch.celery_app import worker_queue
from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.protocol import TaskMessage, TaskRecord, WorkerRecord

__all__ = ["Publisher"]

log = logging.getLogger(__name__)


class Publisher:
    """Publishes `(job, task, attempt)` to a worker's own queue.

    Args:
        app: From `make_app`.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app

    def publish(self, job_id: str, task: TaskRecord, worker: WorkerRecord) -> None:
        """Send a task that the store has as dispatched. A message that gets lost is sent anew by the loop.

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        message = TaskMessage(job=job_id, task=task.id, attempt=task.attempt)
        try:
            self._app.send_task(
                f"batchyard.{task.kind}",
                args=(message.job, message.task, message.attempt),
                queue=worker_queue(worker),
                retry=False,
            )
        except (OperationalError, OSError) as error:
            raise StoreUnavailable(
                f"Celery's broker does not take messages: {error}",
                remedy="Check that Redis runs; Batchyard goes on by itself when it is back.",
            ) from error
        log.debug(
            "published a task",
            extra={"action": "publish", "job": job_id, "task": task.id, "worker": worker.name},
        )
