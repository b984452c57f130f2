"""Which workers can be counted on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from batchyard.scheduler.protocol import JobRecord, TaskRecord, WorkerRecord

__all__ = ["Contact", "Fleet"]


class Contact:
    """Since when this scheduler has been in unbroken contact with Redis.

    A heartbeat that has expired means a dead worker only if Redis was there to be beaten to. After an
    outage (or a pause of this process) workers get time to beat again before they are given up.

    Args:
        patience: Seconds of unbroken contact that an expired heartbeat needs to count.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since = self._last = float("-inf")

    def touch(self, now: float) -> None:
        """Note that Redis has just answered.

        Args:
            now: Redis's clock: heartbeats expire by it, also while this machine sleeps.
        """
        if not 0 <= now - self._last <= self._patience / 2:
            self._since = now
        self._last = now

    @property
    def settled(self) -> bool:
        """Whether an expired heartbeat counts."""
        return self._last - self._since >= self._patience


class Fleet:
    """The workers at one moment.

    Args:
        workers: As the store knows them.
        settled: Whether an expired heartbeat counts as death; see `Contact`.
    """

    def __init__(self, workers: Iterable[WorkerRecord], settled: bool) -> None:
        self._workers = {worker.name: worker for worker in workers}
        self._settled = settled

    def __iter__(self) -> Iterator[WorkerRecord]:
        return iter(self._workers.values())

    def get(self, name: str) -> WorkerRecord | None:
        """Return a worker by name."""
        return self._workers.get(name)

    def lost(self, name: str, incarnation: str = "") -> bool:
        """Tell whether a worker, or one process of it, is known to be gone."""
        worker = self._workers.get(name)
        if worker is None or worker.dead:
            return True
        if incarnation and worker.incarnation != incarnation:
            return True
        return self._settled and not worker.beating

    def usable(self, worker: WorkerRecord) -> bool:
        """Tell whether a worker can be given something new."""
        return worker.beating and not worker.draining and not worker.dead and not worker.order

    def staying(self, worker: WorkerRecord) -> bool:
        """Tell whether a worker keeps what it has: it may be silent, but it is not known to leave."""
        return not (worker.draining or worker.order or self.lost(worker.name))

    def lost_task(self, task: TaskRecord) -> bool:
        """Tell whether the worker that a task was sent to, or that claimed it, is gone."""
        return self.lost(task.worker, task.incarnation)

    def free(self, running: Iterable[JobRecord]) -> list[WorkerRecord]:
        """Return the usable workers that no running job holds, by name."""
        taken = {name for job in running for name in job.allotted}
        return [w for w in self._workers.values() if self.usable(w) and w.name not in taken]
