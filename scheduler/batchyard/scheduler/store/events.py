"""The append-only stream of a job that users read, and the stream that wakes the scheduler."""

from __future__ import annotations

import json
from typing import Any

from batchyard.scheduler.protocol import Event, EventKind
from batchyard.scheduler.store import keys
from batchyard.scheduler.store.connection import Connection

__all__ = ["EventOperations", "read_stream"]

#: Entries of a stream are read in portions of this many.
PORTION = 1000


def read_stream(
    connection: Connection, key: str, after: str, wait: float
) -> list[tuple[str, dict[str, str]]]:
    """Read a stream after a position, waiting for the first new entry at most `wait` seconds."""
    words: list[Any] = ["XREAD", "COUNT", PORTION]
    if wait > 0:
        # Redis must answer before the socket's timeout.
        words += ["BLOCK", max(1, int(1000 * min(wait, connection.timeout / 2)))]
    answer = connection.command(*words, "STREAMS", key, after)
    if not answer:
        return []
    streams = answer.items() if isinstance(answer, dict) else answer
    found: list[tuple[str, dict[str, str]]] = []
    for _, entries in streams:
        # Depending on the protocol's version redis-py wraps a stream's entries in one more list.
        flat = entries[0] if entries and isinstance(entries[0], list) else entries
        found += [(entry_id, fields) for entry_id, fields in flat]
    return found


class EventOperations:
    """What can be done with streams of events."""

    _connection: Connection

    def emit(self, job_id: str, kind: EventKind, data: dict[str, Any]) -> None:
        """Append an event to a job's stream."""
        self._connection.command(
            "XADD",
            keys.events(job_id),
            "MAXLEN",
            "~",
            100_000,
            "*",
            "kind",
            kind.value,
            "data",
            json.dumps(data),
        )

    def tell_epoch(self, job_id: str, data: dict[str, Any]) -> bool:
        """Append a finished epoch to a job's stream; False when it was told already.

        Epochs are told in their order. One that is computed again, after all workers were lost, is not
        told again.
        """
        answer = self._connection.script(
            "tell_epoch", [keys.job(job_id), keys.events(job_id)], [data["epoch"], json.dumps(data)]
        )
        return bool(answer)

    def events(self, job_id: str, after: str = "0", wait: float = 0.0) -> list[Event]:
        """Return a job's events after a position.

        Args:
            job_id: The job.
            after: Id of the last event already read. Default: from the beginning.
            wait: Seconds to wait when there is none yet (a few at most). Default: do not wait.
        """
        entries = read_stream(self._connection, keys.events(job_id), after, wait)
        return [
            Event(
                id=entry_id,
                at=int(entry_id.split("-")[0]) / 1000,
                kind=fields["kind"],
                data=json.loads(fields["data"]),
            )
            for entry_id, fields in entries
        ]

    def last_wakeup(self) -> str:
        """Return the present end of the wake-up stream."""
        entries = self._connection.command("XREVRANGE", keys.WAKE, "+", "-", "COUNT", 1)
        return str(entries[0][0]) if entries else "0"

    def wait_for_wakeup(self, after: str, wait: float) -> str:
        """Wait until something happened that the scheduler may have to react to; return the new position."""
        entries = read_stream(self._connection, keys.WAKE, after, wait)
        return entries[-1][0] if entries else after
