"""The store as one object. Each part of it has a file of its own beside this one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self

from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.store.connection import SOCKET_TIMEOUT, Connection
from batchyard.scheduler.store.crews import CrewOperations
from batchyard.scheduler.store.events import EventOperations
from batchyard.scheduler.store.jobs import JobOperations
from batchyard.scheduler.store.leadership import LeadershipOperations
from batchyard.scheduler.store.tasks import TaskOperations
from batchyard.scheduler.store.workers import WorkerOperations

__all__ = ["ServerInfo", "Store"]


@dataclass(frozen=True)
class ServerInfo:
    """What `batchyard doctor` wants to know of a Redis server."""

    version: str
    used_memory: int  #: bytes
    max_memory: int  #: bytes; 0: no limit
    aof_enabled: bool  #: whether writes survive a restart
    evicts: bool  #: whether it drops keys when memory is full, which would lose jobs
    clock_offset: float  #: Redis's clock minus ours, in seconds
    round_trip: float  #: seconds


class Store(
    JobOperations, EventOperations, WorkerOperations, TaskOperations, CrewOperations, LeadershipOperations
):
    """All shared state of Batchyard, as named operations. Safe to use from several threads.

    Every operation can be repeated: asking again after a lost answer gives the same answer. Each raises
    `StoreUnavailable` when Redis does not answer; `patiently` waits that out.

    Args:
        url: `redis://`, `rediss://` or `unix://` address.
        timeout: Seconds that connecting or one command may take. Default 5.
    """

    def __init__(self, url: str, timeout: float = SOCKET_TIMEOUT) -> None:
        self.url = url
        self._connection = Connection(url, timeout)

    @classmethod
    def connect(cls, url: str, timeout: float = SOCKET_TIMEOUT) -> Self:
        """Return a store whose Redis has answered.

        Raises:
            RedisUnreachable: It has not, within `timeout` seconds.
        """
        probe = Connection(url, timeout / 2)  # two tries
        try:
            probe.check()
        finally:
            probe.close()
        return cls(url, timeout)

    def close(self) -> None:
        """Close all connections."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def now(self) -> float:
        """Return Redis's clock in seconds since the epoch."""
        seconds, microseconds = self._connection.command("TIME")
        return int(seconds) + int(microseconds) / 1e6

    def server(self) -> ServerInfo:
        """Describe the Redis server."""
        before = time.time()
        clock = self.now()
        after = time.time()
        info = self._connection.command("INFO")
        return ServerInfo(
            version=str(info["redis_version"]),
            used_memory=int(info["used_memory"]),
            max_memory=int(info.get("maxmemory", 0)),
            aof_enabled=bool(int(info.get("aof_enabled", 0))),
            evicts=str(info.get("maxmemory_policy", "noeviction")) != "noeviction"
            and int(info.get("maxmemory", 0)) > 0,
            clock_offset=clock - (before + after) / 2,
            round_trip=after - before,
        )

    def shut_down_server(self) -> None:
        """Stop the Redis server itself: only for the private one of an embedded system."""
        try:
            self._connection.command("SHUTDOWN", "NOSAVE")
        except StoreUnavailable:
            return  # it does not answer because it has gone: that is what was asked for
