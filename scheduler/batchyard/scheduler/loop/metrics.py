"""The scheduler's metrics for Prometheus."""

from __future__ import annotations

import logging
from collections import Counter as Tally
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.protocol import JobState, TaskRecord, TaskState
from batchyard.scheduler.store import Store

__all__ = ["SchedulerMetrics"]

log = logging.getLogger(__name__)


class SchedulerMetrics:
    """What a scheduler tells Prometheus, in a registry of its own.

    Args:
        store: The store; jobs, tasks and workers are read from it at each scrape.
    """

    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        self._leading = Gauge(
            "batchyard_scheduler_leading",
            "Whether this scheduler leads (1) or stands by (0).",
            registry=self.registry,
        )
        self._passes = Histogram(
            "batchyard_scheduler_pass_seconds", "Duration of a reconciliation pass.", registry=self.registry
        )
        self.registry.register(_State(store))

    def listen(self, port: int) -> None:
        """Serve /metrics on a port, from a thread."""
        start_http_server(port, registry=self.registry)

    def leading(self, leads: bool) -> None:
        """Note whether this scheduler leads."""
        self._leading.set(leads)

    def passed(self, seconds: float) -> None:
        """Note the duration of a pass."""
        self._passes.observe(seconds)


class _State(Collector):
    """Reads the store's state when it is scraped."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            yield from self._read()
        except StoreUnavailable:
            log.warning("Redis is away; metrics of its state are left out", extra={"action": "scrape"})

    def _read(self) -> Iterator[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("batchyard_jobs", "Jobs by state.", labels=["state"])
        for state, count in self._store.count_jobs().items():
            jobs.add_metric([state.value], count)
        yield jobs

        workers = self._store.workers()
        by_state = Tally("draining" if w.draining else "beating" if w.beating else "silent" for w in workers)
        fleet = GaugeMetricFamily("batchyard_workers", "Workers by state.", labels=["state"])
        for label in ("beating", "draining", "silent"):
            fleet.add_metric([label], by_state[label])
        yield fleet

        depth = GaugeMetricFamily("batchyard_queue_messages", "Messages in the workers' queues.")
        depth.add_metric([], sum(self._store.queue_depths(workers).values()))
        yield depth

        tasks: list[TaskRecord] = []
        for job in self._store.jobs([JobState.RUNNING]):
            tasks += self._store.tasks(job.id)
        live = GaugeMetricFamily(
            "batchyard_live_tasks", "Tasks that are not finished, by state.", labels=["state"]
        )
        for task_state in TaskState:
            live.add_metric([task_state.value], sum(task.state == task_state for task in tasks))
        yield live

        now = self._store.now()
        waiting = [task.dispatched_at for task in tasks if task.state == TaskState.DISPATCHED]
        age = GaugeMetricFamily(
            "batchyard_queue_age_seconds", "Age of the oldest dispatched task that no worker has claimed."
        )
        age.add_metric([], max((now - at for at in waiting), default=0.0))
        yield age
