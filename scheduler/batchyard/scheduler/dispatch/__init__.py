"""Celery carries messages: its configuration, and the publishing of tasks."""

from batchyard.scheduler.dispatch.celery_app import make_app, worker_queue
from batchyard.scheduler.dispatch.publisher import Publisher

__all__ = ["Publisher", "make_app", "worker_queue"]
