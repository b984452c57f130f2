"""A child process that is started again when it dies, and of which nothing stays behind."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from batchyard.scheduler.errors import EXIT_BAD_INPUT, EmbeddedError

__all__ = ["Child"]

logger = logging.getLogger(__name__)

#: Seconds before the first new start; doubled for each further one up to the second number.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
#: A process that lived so many seconds was well: the pauses begin anew.
LIVED_WELL = 20.0
#: So many deaths in a row of processes that did not live well are given up on.
MOST_EARLY_DEATHS = 6


class Child:
    """A child process that is started again when it dies.

    Args:
        name: What messages call it.
        command: Its argument vector.
        environment: Its whole environment.
        log: File that its output is appended to.
        inherit: File descriptors that it gets beside the standard ones.
        started: Called with the process id after each start. Default: nothing.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        inherit: Sequence[int] = (),
        started: Callable[[int], None] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(environment)
        self._inherit = tuple(inherit)
        self._started = started
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._minder: threading.Thread | None = None
        self._failure = ""

    @property
    def pid(self) -> int:
        """Process id of the present process; 0 while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    def start(self) -> None:
        """Start the process and mind it from now on."""
        self._spawn()
        self._minder = threading.Thread(target=self._mind, name=f"minder-{self.name}", daemon=True)
        self._minder.start()

    def check(self) -> None:
        """Make sure that the process has not been given up on.

        Raises:
            EmbeddedError: It ended again and again, or said that it cannot work here.
        """
        if self._failure:
            raise EmbeddedError(
                f"the {self.name} does not stay up: {self._failure}", remedy=f"Its log is {self.log}."
            )

    def terminate(self) -> None:
        """Ask the process to end, and do not start it again."""
        self._stopping.set()
        self._signal(signal.SIGTERM)

    def wait(self, grace: float) -> None:
        """Wait until the process has ended after `terminate`; kill it after `grace` seconds."""
        process = self._process
        if process is not None:
            try:
                process.wait(timeout=grace)
            except subprocess.TimeoutExpired:
                logger.warning("%s does not end, killing it", self.name, extra={"action": "kill_child"})
            self._kill_group(process.pid)
            process.wait()
        if self._minder is not None:
            self._minder.join()

    def last_words(self, lines: int = 3) -> str:
        """Return the end of the log on one line."""
        try:
            tail = self.log.read_bytes()[-4000:].decode("utf-8", "replace").strip().splitlines()
        except OSError:
            return ""
        return " | ".join(line.strip() for line in tail[-lines:])

    def _spawn(self) -> None:
        with self._lock, self.log.open("ab") as log:
            if self._stopping.is_set():
                return
            try:
                self._process = subprocess.Popen(
                    self._command,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=self._inherit,
                    # A group of its own: Ctrl-C in the terminal is for the command line to deal with.
                    start_new_session=True,
                )
            except OSError as error:
                raise EmbeddedError(
                    f"the {self.name} cannot be started: {error.strerror} ({self._command[0]})"
                ) from error
        if self._started is not None:
            self._started(self._process.pid)

    def _mind(self) -> None:
        """Wait for each death, and start the next process."""
        early_deaths = 0
        while (process := self._process) is not None:
            born = time.monotonic()
            code = process.wait()
            if self._stopping.is_set():
                return
            self._kill_group(process.pid)  # what it started and left behind
            # A kill -9 comes from outside and says nothing about the next process.
            was_well = code == -signal.SIGKILL or time.monotonic() - born > LIVED_WELL
            early_deaths = 0 if was_well else early_deaths + 1
            how = f"exit code {code}" if code >= 0 else f"signal {-code}"
            logger.warning("%s ended with %s", self.name, how, extra={"action": "child_died"})
            if code == EXIT_BAD_INPUT or early_deaths >= MOST_EARLY_DEATHS:
                words = self.last_words()
                self._failure = f"{how}: {words}" if words else how
                return
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** max(0, early_deaths - 1))
            if self._stopping.wait(pause):
                return
            try:
                self._spawn()
            except EmbeddedError as error:
                self._failure = str(error)
                return

    def _signal(self, number: int) -> None:
        with self._lock:
            process = self._process
            if process is not None and process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(number)

    @staticmethod
    def _kill_group(pid: int) -> None:
        """Kill what is left of a process's group: it may have died before its own children."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
