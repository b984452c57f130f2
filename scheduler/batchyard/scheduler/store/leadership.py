"""Which scheduler leads. Its token goes with every write and is checked there: that fences late leaders."""

from __future__ import annotations

from batchyard.scheduler.store import keys
from batchyard.scheduler.store.connection import Connection

__all__ = ["LeadershipOperations"]


class LeadershipOperations:
    """What can be done about the leadership."""

    _connection: Connection

    def lead(self, scheduler: str, ttl: float, token: str = "") -> str | None:
        """Take the leadership, or renew it with the token that one has; None when another scheduler leads.

        Args:
            scheduler: Id of the process.
            ttl: Seconds that the leadership lasts without renewal.
            token: Of the present term. Default: none.
        """
        answer = self._connection.script(
            "lead", [keys.LEADER, keys.LEADER_TERMS], [scheduler, token, max(1, round(1000 * ttl))]
        )
        return None if answer is None else str(answer)

    def resign(self, token: str) -> None:
        """Give the leadership up at once."""
        self._connection.script("resign", [keys.LEADER, keys.WAKE], [token])

    def leader(self) -> str | None:
        """Return the token of the leading scheduler (`<term>:<id>`); None when none leads."""
        answer = self._connection.command("GET", keys.LEADER)
        return None if answer is None else str(answer)
