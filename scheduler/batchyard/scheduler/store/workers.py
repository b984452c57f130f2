"""Workers: who there is, who beats, who leaves."""

from __future__ import annotations

import dataclasses

from batchyard.scheduler.protocol import WorkerOrder, WorkerRecord
from batchyard.scheduler.store import keys
from batchyard.scheduler.store.connection import Connection

__all__ = ["EXCHANGE", "WorkerOperations"]

#: Name of the Celery exchange that all queues of Batchyard are bound to.
EXCHANGE = "batchyard"


class WorkerOperations:
    """What can be done with workers."""

    _connection: Connection

    def register(self, worker: WorkerRecord, ttl: float) -> None:
        """Present a worker process; it counts as beating for `ttl` seconds."""
        self._connection.script(
            "register",
            [keys.WORKERS, keys.worker(worker.name), keys.beat(worker.name), keys.WAKE],
            [worker.name, worker.incarnation, worker.to_json(), _milliseconds(ttl)],
        )

    def beat(self, name: str, incarnation: str, ttl: float) -> WorkerOrder:
        """Renew a worker's heartbeat for `ttl` seconds and return what it is told to do."""
        answer = self._connection.script(
            "beat", [keys.worker(name), keys.beat(name)], [incarnation, _milliseconds(ttl)]
        )
        return WorkerOrder(answer or "")

    def report_death(self, name: str, incarnation: str) -> bool:
        """End a process's leases: its supervisor saw it end. False: another incarnation has the name."""
        return self._mark(name, incarnation, "dead", "1")

    def announce_drain(self, name: str, incarnation: str) -> bool:
        """Say that a worker takes nothing new and will leave."""
        return self._mark(name, incarnation, "draining", "1")

    def order(self, name: str, incarnation: str, order: WorkerOrder) -> bool:
        """Tell a worker something with the answer to its next heartbeat."""
        return self._mark(name, incarnation, "order", order.value)

    def deregister(self, name: str, incarnation: str) -> bool:
        """Remove a worker's record and what Celery kept for it."""
        queue = WorkerRecord(
            name=name,
            incarnation=incarnation,
            host="",
            pid=0,
            device="",
            fingerprint="",
            allow_code=False,
            address="",
        ).queue
        answer = self._connection.script(
            "forget_worker",
            [
                keys.WORKERS,
                keys.worker(name),
                keys.beat(name),
                keys.WAKE,
                keys.celery_queue(queue),
                keys.celery_bindings(EXCHANGE),
            ],
            # kombu's binding: routing key, pattern and queue between these separators.
            [name, incarnation, f"{queue}\x06\x16\x06\x16{queue}"],
        )
        return bool(answer)

    def workers(self) -> list[WorkerRecord]:
        """Return all registered workers by name, with `beating` as it is now."""
        names = sorted(self._connection.command("SMEMBERS", keys.WORKERS))
        answers = self._connection.pipeline(
            [
                words
                for name in names
                for words in (
                    ("HMGET", keys.worker(name), "document", "draining", "dead", "order"),
                    ("GET", keys.beat(name)),
                )
            ]
        )
        found = []
        for (document, draining, dead, order), beat in zip(answers[::2], answers[1::2], strict=True):
            if document is None:
                continue
            record = WorkerRecord.from_json(document)
            found.append(
                dataclasses.replace(
                    record,
                    draining=bool(draining),
                    dead=bool(dead),
                    order=order or "",
                    beating=beat == record.incarnation,
                )
            )
        return found

    def queue_depths(self, workers: list[WorkerRecord]) -> dict[str, int]:
        """Return how many messages wait in each worker's queue."""
        depths = self._connection.pipeline([("LLEN", keys.celery_queue(w.queue)) for w in workers])
        return {worker.name: int(depth) for worker, depth in zip(workers, depths, strict=True)}

    def _mark(self, name: str, incarnation: str, mark: str, value: str) -> bool:
        return bool(
            self._connection.script(
                "mark_worker", [keys.worker(name), keys.beat(name), keys.WAKE], [incarnation, mark, value]
            )
        )


def _milliseconds(seconds: float) -> int:
    return max(1, round(1000 * seconds))
