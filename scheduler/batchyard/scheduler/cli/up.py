"""`batchyard up`: a system on this machine that stays."""

from __future__ import annotations

import fcntl
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from batchyard.scheduler.cli.options import AllowCode, Devices, Threads, remember_url, up_directory
from batchyard.scheduler.embedded import EmbeddedSystem
from batchyard.scheduler.errors import InputError
from batchyard.scheduler.store import hide_password

__all__ = ["up"]


def up(
    devices: Devices = None,
    threads: Threads = 1,
    allow_code: AllowCode = False,
    directory: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where Redis keeps its data, and the logs. Default: .batchyard in this folder.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run Redis, a scheduler and workers on this machine until SIGTERM or Ctrl-C.

    Other commands in the same folder find it by themselves. Jobs that have not ended go on at the next
    `batchyard up`.

    Example: `batchyard up --devices cpu:2`, and in another terminal `batchyard submit job.yaml`.
    """
    console = Console(highlight=False, soft_wrap=True)
    folder = (directory or up_directory()).absolute()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with _only_one(folder):
        system = EmbeddedSystem(
            devices=devices or "auto", threads=threads, allow_code=allow_code, directory=folder
        )
        with system:
            url_file = remember_url(folder, system.url)
            try:
                console.print(
                    f"Batchyard is up. Redis: {hide_password(system.url)} (whole address: {url_file})"
                )
                console.print(f"Logs: {folder}. Submit from this folder: batchyard submit job.yaml")
                console.print("Ctrl-C ends it.")
                while not stop.wait(0.5):
                    system.check()
                console.print("Ending: workers finish their step …")
            finally:
                url_file.unlink(missing_ok=True)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Keep a second `up` out of a folder; the lock ends with the process, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"a system is up in {folder} already", remedy="Use it, or give another --directory."
            ) from None
        yield
