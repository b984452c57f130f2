"""Crews: generations, signals, decisions at the epochs' ends, checkpoints, and where members meet."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

from batchyard.scheduler.protocol import Checkpoint, Crew, EventKind, Signal
from batchyard.scheduler.store import keys
from batchyard.scheduler.store.connection import Connection
from batchyard.scheduler.store.events import read_stream
from batchyard.scheduler.store.jobs import accepted

__all__ = ["CrewOperations", "Rendezvous"]


class Rendezvous:
    """Where the members of one generation find each other: a small shared dictionary.

    It has what `torch.distributed.Store` asks for. Values are bytes.
    """

    def __init__(self, connection: Connection, job_id: str, generation: int) -> None:
        self._connection = connection
        self._key = keys.meeting(job_id, generation)

    def set(self, name: str, value: bytes) -> None:
        """Write a value."""
        self._connection.pipeline(
            [("HSET", self._key, name, _text(value)), ("EXPIRE", self._key, keys.MEETING_TTL)]
        )

    def get(self, name: str) -> bytes | None:
        """Read a value; None when there is none (yet)."""
        text = self._connection.command("HGET", self._key, name)
        return None if text is None else base64.b64decode(text)

    def add(self, name: str, amount: int) -> int:
        """Add to a counter and return it. Counters and values are apart."""
        total, _ = self._connection.pipeline(
            [("HINCRBY", self._key, f"+{name}", amount), ("EXPIRE", self._key, keys.MEETING_TTL)]
        )
        return int(total)

    def check(self, names: list[str]) -> bool:
        """Tell whether all of the values exist."""
        answers = self._connection.pipeline([("HEXISTS", self._key, name) for name in names])
        return all(answers)

    def delete(self, name: str) -> bool:
        """Remove a value; False when there was none."""
        return bool(self._connection.command("HDEL", self._key, name))


class CrewOperations:
    """What can be done with crews."""

    _connection: Connection

    def crew(self, job_id: str) -> Crew:
        """Return a job's crew; generation 0 when none was formed yet."""
        document, broken, broken_at = self._connection.command(
            "HMGET", keys.crew(job_id), "document", "broken", "broken_at"
        )
        if document is None:
            return Crew(generation=0, members=())
        crew = Crew.from_json(document)
        return dataclasses.replace(crew, broken=broken, broken_at=float(broken_at)) if broken else crew

    def regroup(self, token: str, job_id: str, over: int, crew: Crew, reason: str) -> bool:
        """Write the next generation, as the leader; False when generation `over` is not the present one.

        Raises:
            NotLeader: Another scheduler leads.
        """
        data = {
            "generation": crew.generation,
            "workers": [member.worker for member in crew.members],
            "reason": reason,
        }
        answer = self._connection.script(
            "regroup",
            [keys.LEADER, keys.job(job_id), keys.crew(job_id), keys.events(job_id), keys.signals(job_id)],
            [token, over, crew.to_json(), json.dumps(data)],
        )
        return accepted(answer)

    def report_broken(self, job_id: str, generation: int, incarnation: str, reason: str) -> None:
        """Say that a generation cannot go on: the other members and the scheduler learn it from here."""
        self._connection.script(
            "report_broken",
            [keys.crew(job_id), keys.signals(job_id), keys.WAKE],
            [generation, f"{incarnation}: {reason}"],
        )

    def last_signal(self, job_id: str) -> str:
        """Return the present end of a crew's signal stream."""
        entries = self._connection.command("XREVRANGE", keys.signals(job_id), "+", "-", "COUNT", 1)
        return str(entries[0][0]) if entries else "0"

    def signals(self, job_id: str, after: str, wait: float) -> list[Signal]:
        """Return the signals after a position, waiting for the first one at most `wait` seconds."""
        entries = read_stream(self._connection, keys.signals(job_id), after, wait)
        return [Signal(id=entry_id, kind=fields["kind"]) for entry_id, fields in entries]

    def decide(self, job_id: str, generation: int, epoch: int, decision: str) -> str | None:
        """Write an epoch's decision if none stands, and return the one that stands.

        None: the generation is over, or the job has ended; the caller leaves.
        """
        answer = self._connection.script(
            "decide",
            [keys.job(job_id), keys.crew(job_id), keys.decisions(job_id)],
            [generation, epoch, decision],
        )
        return None if answer is None else str(answer)

    def decision(self, job_id: str, epoch: int) -> str | None:
        """Return an epoch's decision; None when there is none yet."""
        answer = self._connection.command("HGET", keys.decisions(job_id), epoch)
        return None if answer is None else str(answer)

    def record_checkpoint(self, job_id: str, generation: int, checkpoint: Checkpoint) -> bool:
        """Record a checkpoint that is safely on disk; False when the generation is over."""
        data = {
            "kind": EventKind.CHECKPOINT.value,
            "path": checkpoint.path,
            "epoch": checkpoint.epoch,
            "best": checkpoint.best,
            "value": checkpoint.value,
        }
        return bool(
            self._connection.script(
                "record_checkpoint",
                [keys.job(job_id), keys.crew(job_id), keys.checkpoints(job_id), keys.events(job_id)],
                [generation, checkpoint.path, checkpoint.to_json(), json.dumps(data)],
            )
        )

    def checkpoints(self, job_id: str) -> list[Checkpoint]:
        """Return a job's checkpoints, oldest first."""
        documents = self._connection.command("HVALS", keys.checkpoints(job_id))
        return sorted((Checkpoint.from_json(d) for d in documents), key=lambda c: (c.iterations, c.path))

    def forget_checkpoint(self, job_id: str, path: str) -> None:
        """Take a checkpoint off the record, before its files are deleted."""
        self._connection.command("HDEL", keys.checkpoints(job_id), path)

    def milestone(self, job_id: str) -> str:
        """Return a text that changes whenever a fit job has got somewhere: an epoch, or a checkpoint."""
        epochs = self._connection.command("HLEN", keys.decisions(job_id))
        checkpoints = self.checkpoints(job_id)
        return f"{epochs} epochs, {checkpoints[-1].iterations if checkpoints else 0} steps"

    def finish_fit(self, job_id: str, generation: int, outcome: dict[str, Any]) -> bool:
        """Report a fit job's outcome; False when the generation is over or another outcome stands."""
        return bool(
            self._connection.script(
                "finish_fit",
                [keys.job(job_id), keys.crew(job_id), keys.WAKE],
                [generation, json.dumps(outcome, sort_keys=True)],
            )
        )

    def rendezvous(self, job_id: str, generation: int) -> Rendezvous:
        """Return the meeting point of a generation."""
        return Rendezvous(self._connection, job_id, generation)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
