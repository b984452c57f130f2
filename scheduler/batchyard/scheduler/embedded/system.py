"""A whole Batchyard on one machine: a private Redis, a scheduler and workers, as child processes.

The same programs as on a cluster, at another address: `batchyard scheduler` and `batchyard worker`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

from batchyard.scheduler.embedded.child import Child
from batchyard.scheduler.embedded.parent_pipe import ParentPipe
from batchyard.scheduler.embedded.redis_server import PrivateRedis
from batchyard.scheduler.embedded.worker_extra import require_worker_extra
from batchyard.scheduler.errors import EmbeddedError
from batchyard.scheduler.store import Store

__all__ = ["EmbeddedSystem"]

#: Seconds that workers get to finish their step and leave.
WORKER_GRACE = 30.0
SCHEDULER_GRACE = 10.0
#: Seconds in which a first worker must have come up: loading torch from a cold disk is slow.
FIRST_WORKER_TIMEOUT = 120.0


class EmbeddedSystem:
    """A private Redis, a scheduler and workers, for as long as the context lasts.

    Children that die are started again. They end with this process, however it ends.

    Args:
        devices: What the workers compute on, as `batchyard worker --devices` takes it. Default `cpu:2`.
        threads: Threads that each worker computes with. Default 1.
        allow_code: Whether jobs may bring Python code (`module:factory`). Default no.
        directory: Folder of Redis's data and all logs, kept afterwards. Default: a temporary one, removed.
        heartbeat_ttl: Seconds after which a silent worker counts as lost. Default: the workers' own.

    Example:
        with EmbeddedSystem(devices="cpu:2") as system:
            client = Client(system.url)
    """

    def __init__(
        self,
        *,
        devices: str = "cpu:2",
        threads: int = 1,
        allow_code: bool = False,
        directory: str | Path | None = None,
        heartbeat_ttl: float | None = None,
    ) -> None:
        self._devices = devices
        self._threads = threads
        self._allow_code = allow_code
        self._heartbeat_ttl = heartbeat_ttl
        self._temporary = directory is None
        self.directory = Path(directory) if directory is not None else None
        self._pipe: ParentPipe | None = None
        self._redis: PrivateRedis | None = None
        self._children: dict[str, Child] = {}
        self._store: Store | None = None
        self._first_worker_due = 0.0  #: 0: one has come up

    @property
    def url(self) -> str:
        """Address of the private Redis, with its password."""
        if self._redis is None:
            raise RuntimeError("the embedded system has not been started: use it in a with statement")
        return self._redis.url

    def pids(self) -> dict[str, int]:
        """Return the process ids of those that run of `redis`, `scheduler`, `workers` (their supervisor)."""
        redis = self._redis.pid if self._redis is not None else 0
        pids = {"redis": redis, **{name: child.pid for name, child in self._children.items()}}
        return {name: pid for name, pid in pids.items() if pid}  # 0 would be a signal's whole process group

    def start(self) -> Self:
        """Start everything; returns when Redis answers, while workers still come up.

        Raises:
            EmbeddedError: Something cannot be started.
            MissingExtra: What workers need is not installed.
        """
        require_worker_extra("a system on this machine")
        if self.directory is None:
            self.directory = Path(tempfile.mkdtemp(prefix="batchyard-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self._pipe = ParentPipe()
        doomed = self.directory if self._temporary else None
        self._redis = PrivateRedis(self.directory / "redis", self._pipe, doomed)
        try:
            self._redis.start()
            self._store = Store(self._redis.url)
            self._first_worker_due = time.monotonic() + FIRST_WORKER_TIMEOUT
            self._start_child("scheduler", [])
            options = ["--devices", self._devices, "--threads", str(self._threads)]
            self._start_child("workers", [*options, *(["--allow-code"] if self._allow_code else [])])
        except BaseException:
            self.stop()
            raise
        return self

    def check(self) -> None:
        """Make sure that no part has been given up on.

        Raises:
            EmbeddedError: One ended again and again, or cannot work on this machine.
        """
        if self._redis is not None:
            self._redis.check()
        for child in self._children.values():
            child.check()
        if self._first_worker_due and self._store is not None:
            self._look_for_a_worker(self._store)

    def stop(self) -> None:
        """End everything in order: workers, scheduler, Redis. Nothing stays behind."""
        for name, grace in (("workers", WORKER_GRACE), ("scheduler", SCHEDULER_GRACE)):
            child = self._children.pop(name, None)
            if child is not None:
                child.terminate()
                child.wait(grace)
        if self._store is not None:
            self._store.close()
            self._store = None
        if self._redis is not None:
            self._redis.stop()
            self._redis = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if self._temporary and self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _look_for_a_worker(self, store: Store) -> None:
        """Wait for the first worker, but not for ever: its supervisor starts a dying one again and again."""
        if any(worker.beating for worker in store.workers()):
            self._first_worker_due = 0.0
        elif time.monotonic() > self._first_worker_due:
            words = self._children["workers"].last_words()
            raise EmbeddedError(
                f"no worker has come up within {FIRST_WORKER_TIMEOUT:g} s: {words or 'they say nothing'}",
                remedy=f"Their log is {self._children['workers'].log}.",
            )

    def _start_child(self, name: str, options: list[str]) -> None:
        assert self._pipe is not None
        assert self.directory is not None
        command = "worker" if name == "workers" else name
        environment = {
            # An option of the surrounding `batchyard run` must not become one of its children.
            **{key: value for key, value in os.environ.items() if not key.startswith("BATCHYARD_")},
            **self._pipe.environment(),
            "BATCHYARD_REDIS_URL": self.url,  # not in the arguments, which everybody can read
        }
        ttl = self._heartbeat_ttl or os.environ.get("BATCHYARD_HEARTBEAT_TTL")
        if ttl:
            environment["BATCHYARD_HEARTBEAT_TTL"] = str(ttl)
        child = Child(
            name,
            [sys.executable, "-m", "batchyard.scheduler.cli", command, *options],
            environment=environment,
            log=self.directory / f"{name}.log",
            inherit=[self._pipe.reading_end],
        )
        self._children[name] = child
        child.start()
