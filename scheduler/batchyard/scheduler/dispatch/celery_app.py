"""Celery's configuration, for those who publish and those who consume.

Celery carries small JSON messages and nothing else: no result backend, early acknowledgement, one queue
per worker. Whether a message still means anything is decided by the claim in the store, so lost, doubled and
late messages do no harm, and Celery's visibility timeout plays no part.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from celery import Celery
from kombu.entity import Exchange, Queue

from batchyard.scheduler.protocol import WorkerRecord
from batchyard.scheduler.store import CELERY_PREFIX, EXCHANGE

__all__ = ["make_app", "worker_queue"]


def make_app(redis_url: str) -> Celery:
    """Return a Celery application on a Redis broker; nothing is connected yet.

    Args:
        redis_url: `redis://`, `rediss://` or `unix://` address.
    """
    app = Celery("batchyard", broker=_broker_url(redis_url), set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_backend=None,
        task_ignore_result=True,
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        task_send_sent_event=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A task goes on when the broker is away; it must not be cancelled on reconnection.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        task_default_exchange=EXCHANGE,
        task_default_queue=EXCHANGE,
        task_default_routing_key=EXCHANGE,
        broker_transport_options={
            "global_keyprefix": CELERY_PREFIX,
            "socket_timeout": 5.0,
            "socket_connect_timeout": 5.0,
            "socket_keepalive": True,
            "health_check_interval": 5,
            # Seconds that one look into the queue lasts. A leaving worker waits for its end, up to twice.
            "polling_interval": 0.2,
        },
    )
    return app


def _broker_url(redis_url: str) -> str:
    """Return the address as kombu spells it; with TLS the certificate is checked, as redis-py does."""
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        return redis_url.replace("unix://", "redis+socket://", 1)
    if parts.scheme == "rediss" and "ssl_cert_reqs" not in parts.query:
        # kombu's own default accepts any certificate.
        query = f"{parts.query}&ssl_cert_reqs=required" if parts.query else "ssl_cert_reqs=required"
        return urlunsplit(parts._replace(query=query))
    return redis_url


def worker_queue(worker: WorkerRecord) -> Queue:
    """Return the queue that only one worker reads."""
    exchange = Exchange(EXCHANGE, type="direct")  # type: ignore[no-untyped-call]
    return Queue(worker.queue, exchange, routing_key=worker.queue)  # type: ignore[no-untyped-call]
