"""A private Redis: on this machine only, behind a random password, and with its data in a folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from batchyard.scheduler.embedded.child import Child
from batchyard.scheduler.embedded.parent_pipe import ParentPipe
from batchyard.scheduler.embedded.redis_binary import find_redis_server
from batchyard.scheduler.errors import EmbeddedError, RedisUnreachable
from batchyard.scheduler.store import Store

__all__ = ["PrivateRedis"]

#: Seconds that a starting Redis is waited for; it reads its data from the disk first.
START_TIMEOUT = 30.0
#: Seconds between the parent's death and Redis's end: time for the workers to leave in order.
ORPHAN_GRACE = 5

#: Ends Redis when the parent dies. Redis cannot watch a pipe itself, so that a shell does it.
# `read` is built in: a `cat` would be one more process to look after.
_GUARD = (
    f'while read -r _; do :; done; sleep {ORPHAN_GRACE}; kill "$1" 2>/dev/null; '
    '[ -z "$2" ] || { sleep 2; rm -rf "$2"; }'
)


class PrivateRedis:
    """A Redis server for one embedded system, started again when it dies.

    Args:
        directory: Folder of its data, configuration and log; what is in it from last time is read again.
        pipe: Ends the server some seconds after this process has died.
        temporary: Folder that is removed then, too. Default: none.
    """

    def __init__(self, directory: Path, pipe: ParentPipe, temporary: Path | None = None) -> None:
        self._directory = directory
        self._temporary = temporary
        self._pipe = pipe
        self._password = secrets.token_urlsafe(24)
        self._port = 0
        self._child: Child | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._guard_lock = threading.Lock()

    @property
    def url(self) -> str:
        """Address with the password."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int:
        """Process id of the server; 0 while it is not running."""
        return self._child.pid if self._child is not None else 0

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            EmbeddedError: There is no server to start, or it does not come up.
        """
        binary = find_redis_server()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._port = _spare_port()
        self._child = Child(
            "private Redis",
            [str(binary), str(self._write_configuration())],
            environment={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            log=self._directory / "redis.log",
            started=self._watch_over,
        )
        self._child.start()
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            self.check()
            try:
                Store.connect(self.url, timeout=1.0).close()
                return
            except RedisUnreachable as error:
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"the private Redis does not answer: {error.reason}",
                        remedy=f"Its log is {self._child.log}.",
                    ) from error
                time.sleep(0.02)

    def check(self) -> None:
        """Make sure that the server has not been given up on.

        Raises:
            EmbeddedError: It ended again and again.
        """
        if self._child is not None:
            self._child.check()

    def stop(self, grace: float = 10.0) -> None:
        """End the server; it writes what it has to its folder first."""
        if self._child is not None:
            self._child.terminate()
            self._child.wait(grace)
        self._dismiss_guard()

    def _write_configuration(self) -> Path:
        """Write the configuration, which holds the password, so that only we can read it."""
        path = self._directory / "redis.conf"
        lines = [
            "bind 127.0.0.1",
            f"port {self._port}",
            f"requirepass {self._password}",
            f'dir "{self._directory.absolute()}"',
            "daemonize no",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
        ]
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        return path

    def _watch_over(self, pid: int) -> None:
        """Start the guard of a new server process."""
        self._dismiss_guard()
        with self._guard_lock:
            self._guard = subprocess.Popen(
                ["sh", "-c", _GUARD, "batchyard-guard", str(pid), str(self._temporary or "")],
                stdin=self._pipe.reading_end,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _dismiss_guard(self) -> None:
        with self._guard_lock:
            guard, self._guard = self._guard, None
        if guard is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(guard.pid, signal.SIGKILL)
            guard.wait()


def _spare_port() -> int:
    """Return a TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
