"""The supervisor: one worker process per device, a new one when one dies, all drained on SIGTERM.

It imports no torch and touches no GPU, so nothing that computes can take it down. It sees a child's death at
once (by waiting for it) and tells the store, so that the child's tasks go elsewhere long before its heartbeat
expires. Its children hold a pipe from it: when it dies itself they finish their step or batch and leave.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

from batchyard.scheduler.embedded.parent_pipe import ParentPipe, leave_with_parent
from batchyard.scheduler.errors import EXIT_OK, EXIT_UNAVAILABLE, StoreUnavailable
from batchyard.scheduler.store import Store, patiently
from batchyard.workers.devices import parse_devices
from batchyard.workers.environment import worker_environment
from batchyard.workers.exit_codes import EXIT_REPLACED

__all__ = ["DEFAULT_GRACE", "Supervisor", "WorkerSeat", "main"]

log = logging.getLogger(__name__)

#: Seconds that workers get to finish their step or batch after SIGTERM.
DEFAULT_GRACE = 30.0
#: A process that lived so many seconds was well; one that did not is started again after a pause.
LIVED_WELL = 10.0
#: Seconds of the first pause; doubled with each further early death up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


@dataclass(frozen=True)
class WorkerSeat:
    """One place for a worker process.

    Attributes:
        name: of the worker; stays from process to process.
        device: that it computes on.
        metrics_port: of its `/metrics`; 0: none.
    """

    name: str
    device: str
    metrics_port: int = 0


class Supervisor:
    """Keeps worker processes running.

    Args:
        store: where deaths are reported.
        seats: the workers.
        threads: threads that each computes with.
        allow_code: whether they run users' Python.
        address: where other machines reach this one.
        grace: seconds that they get to leave.
    """

    def __init__(
        self,
        store: Store,
        seats: list[WorkerSeat],
        *,
        threads: int = 1,
        allow_code: bool = False,
        address: str = "127.0.0.1",
        grace: float = DEFAULT_GRACE,
    ):
        self._store = store
        self._seats = seats
        self._threads = threads
        self._allow_code = allow_code
        self._address = address
        self._grace = grace
        self._pipe = ParentPipe()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> int:
        """Run until `stop`, or until no worker is left; return the exit code."""
        minders = [
            threading.Thread(target=self._mind, args=(seat,), name=f"minder-{seat.name}", daemon=True)
            for seat in self._seats
        ]
        for minder in minders:
            minder.start()
        for minder in minders:
            minder.join()
        self._pipe.close()
        if self._stopping.is_set():
            return EXIT_OK
        log.error("no worker is left", extra={"action": "supervise"})
        return EXIT_UNAVAILABLE

    def stop(self) -> None:
        """Let all workers finish their step or batch and leave; those that take too long are killed."""
        self._stopping.set()
        with self._lock:
            processes = list(self._processes.values())
        for process in processes:
            process.terminate()
        threading.Thread(target=self._kill_late, args=(processes,), name="grace", daemon=True).start()

    def _mind(self, seat: WorkerSeat) -> None:
        """Start a seat's process, wait for its end, report it, start the next one."""
        early_deaths = 0
        while not self._stopping.is_set():
            born = time.monotonic()
            incarnation = f"{seat.name}-{uuid.uuid4().hex[:8]}"
            process = self._spawn(seat, incarnation)
            if process is None:
                return
            code = process.wait()
            self._report(seat, incarnation, code)
            if code == EXIT_REPLACED:
                log.error(
                    "another process carries the name %s; it is not started again",
                    seat.name,
                    extra={"action": "replaced"},
                )
                return
            # A kill -9 comes from outside and says nothing about the next process.
            was_well = code == -signal.SIGKILL or time.monotonic() - born > LIVED_WELL
            early_deaths = 0 if was_well else early_deaths + 1
            if early_deaths > 1:
                self._stopping.wait(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (early_deaths - 2)))

    def _spawn(self, seat: WorkerSeat, incarnation: str) -> subprocess.Popen[bytes] | None:
        environment = worker_environment(seat.device, self._threads, self._store.url, self._allow_code)
        command = [sys.executable, "-m", "batchyard.workers.process", "--name", seat.name]
        command += ["--incarnation", incarnation, "--device", seat.device, "--threads", str(self._threads)]
        command += ["--metrics-port", str(seat.metrics_port), "--address", self._address]
        command += ["--grace", str(self._grace)]
        with self._lock:
            if self._stopping.is_set():
                return None
            process = subprocess.Popen(
                command,
                env={**os.environ, **environment, **self._pipe.environment()},
                stdin=subprocess.DEVNULL,
                pass_fds=[self._pipe.reading_end],
            )
            self._processes[seat.name] = process
        log.info("started %s", seat.name, extra={"action": "spawn", "pid": process.pid})
        return process

    def _report(self, seat: WorkerSeat, incarnation: str, code: int) -> None:
        """Tell the store that a process has ended, at once, or as soon as Redis is back."""
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        level = logging.INFO if code == 0 else logging.WARNING
        log.log(level, "%s ended: %s", seat.name, how, extra={"action": "child_ended"})
        try:
            patiently(lambda: self._store.report_death(seat.name, incarnation), self._stopping)
        except StoreUnavailable as error:
            log.warning("its end could not be reported: %s", error, extra={"action": "child_ended"})

    def _kill_late(self, processes: list[subprocess.Popen[bytes]]) -> None:
        deadline = time.monotonic() + self._grace
        for process in processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning(
                    "killing a worker that does not leave", extra={"action": "kill", "pid": process.pid}
                )
                process.kill()


def main(
    redis_url: str,
    *,
    devices: str = "auto",
    threads: int = 1,
    allow_code: bool = False,
    metrics_port: int = 0,
    host: str = "",
    name: str = "",
    grace: float = DEFAULT_GRACE,
) -> int:
    """Run a supervisor and its workers until SIGTERM or Ctrl-C.

    Args:
        redis_url: where the store is.
        devices: see `parse_devices`.
        threads: threads that each worker computes with; part of the fingerprint.
        allow_code: whether workers run `module:factory` of jobs.
        metrics_port: `/metrics` of the first worker; each further one takes the next port. 0: none.
        host: address at which other machines reach this one. Default: 127.0.0.1 with a local Redis, else the
            address that this machine talks to Redis from.
        name: first part of the workers' names. Default: host name and process id.
        grace: seconds that workers get to leave.

    Returns:
        The exit code.

    Raises:
        DeviceError: `devices` cannot be used.
        RedisUnreachable: Redis does not answer.
    """
    found = parse_devices(devices, threads)
    store = Store.connect(redis_url)
    prefix = name or f"{socket.gethostname().split('.')[0]}-{os.getpid()}"
    seats = [
        WorkerSeat(f"{prefix}-{device.replace(':', '')}", device, metrics_port + i if metrics_port else 0)
        for i, device in enumerate(found)
    ]
    supervisor = Supervisor(
        store,
        seats,
        threads=threads,
        allow_code=allow_code,
        address=host or _own_address(redis_url),
        grace=grace,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=supervisor.stop, name="stop").start())
    leave_with_parent(supervisor.stop)
    try:
        return supervisor.run()
    finally:
        store.close()


def _own_address(redis_url: str) -> str:
    """Return the address that this machine reaches Redis from: others that reach Redis can reach it, too."""
    parts = urlsplit(redis_url)
    if not parts.hostname or parts.scheme == "unix":
        return "127.0.0.1"
    try:
        family, kind, *_, target = socket.getaddrinfo(
            parts.hostname, parts.port or 6379, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind) as probe:
            probe.connect(target)  # datagrams: nothing is sent
            return str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1"
