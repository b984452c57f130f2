"""What a worker measures, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from batchyard.scheduler.protocol import TaskKind

__all__ = ["OUTCOMES", "WorkerMetrics"]

#: How a task can end; the only values of the label `outcome`.
OUTCOMES = ("done", "failed", "released", "refused")

#: Seconds; from a step of a tiny model to a checkpoint of a huge one.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)

#: Seconds after which a speed that nobody repeats is no longer true.
LATELY = 10.0


class WorkerMetrics:
    """The metrics of one worker process, in a registry of their own.

    Attributes:
        step: seconds of a training step, or of a predict or evaluate batch.
        exchange: seconds of a step's exchange between crew members.
        checkpoint: seconds of writing a checkpoint, in the background.
        samples: rows computed; its rate is samples per second.
        beat: date of the last heartbeat that Redis took.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.step = self._histogram("step_seconds", "Time of a training step or a batch.")
        self.exchange = self._histogram("exchange_seconds", "Time of a step's exchange between crew members.")
        self.checkpoint = self._histogram("checkpoint_seconds", "Time of writing a checkpoint.")
        self.samples = Counter("batchyard_worker_samples", "Rows computed.", registry=self.registry)
        self._rate, self._rate_at = 0.0, 0.0
        rate = Gauge(
            "batchyard_worker_samples_per_second",
            "Rows computed per second, lately; 0 without work.",
            registry=self.registry,
        )
        rate.set_function(lambda: self._rate if time.monotonic() - self._rate_at < LATELY else 0.0)
        self._tasks = Counter(
            "batchyard_worker_tasks",
            "Tasks by kind and outcome.",
            ("kind", "outcome"),
            registry=self.registry,
        )
        for kind in TaskKind:
            for outcome in OUTCOMES:
                self._tasks.labels(kind.value, outcome)
        self._beat_at = time.monotonic()
        age = Gauge(
            "batchyard_worker_heartbeat_age_seconds",
            "Time since Redis took the last heartbeat.",
            registry=self.registry,
        )
        age.set_function(lambda: time.monotonic() - self._beat_at)

    def computes(self, samples_per_second: float) -> None:
        """Note how fast this worker computes just now."""
        self._rate, self._rate_at = samples_per_second, time.monotonic()

    def beat_taken(self) -> None:
        """Note that Redis took a heartbeat just now."""
        self._beat_at = time.monotonic()

    @property
    def beat_age(self) -> float:
        """Seconds since Redis took the last heartbeat."""
        return time.monotonic() - self._beat_at

    def task_ended(self, kind: str, outcome: str) -> None:
        """Count a task.

        Args:
            kind: a `TaskKind`.
            outcome: one of `OUTCOMES`.
        """
        self._tasks.labels(kind, outcome).inc()

    @contextmanager
    def timed(self, histogram: Histogram) -> Iterator[None]:
        """Measure what the block takes."""
        with histogram.time():
            yield

    def serve(self, port: int) -> None:
        """Answer `/metrics` on this port, in a thread."""
        start_http_server(port, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(f"batchyard_worker_{name}", text, buckets=BUCKETS, registry=self.registry)
