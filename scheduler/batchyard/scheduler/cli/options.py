"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from batchyard.scheduler.client import Client
from batchyard.scheduler.errors import InputError

__all__ = [
    "AllowCode",
    "Devices",
    "JobArgument",
    "Json",
    "Redis",
    "Threads",
    "connect",
    "remember_url",
    "up_directory",
]

Redis = Annotated[
    str | None,
    typer.Option(
        "--redis",
        envvar="BATCHYARD_REDIS_URL",
        metavar="URL",
        help="Address of Redis: redis://user:password@host:6379/0, rediss:// for TLS. "
        "Default: the system that `batchyard up` runs in this folder.",
        show_default=False,
    ),
]
Devices = Annotated[
    str | None,
    typer.Option(
        metavar="DEVICES",
        help="What the workers compute on: cpu:2 (two processes), cuda:0,1, or auto.",
        show_default=False,
    ),
]
Threads = Annotated[int, typer.Option(min=1, help="Threads of each worker; part of its fingerprint.")]
AllowCode = Annotated[
    bool,
    typer.Option("--allow-code", help="Let jobs run Python code that they name (module:factory)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.", allow_from_autoenv=False)]
JobArgument = Annotated[
    str, typer.Argument(metavar="JOB", help="Id of a job, the beginning of it, or its name (the newest).")
]

#: Folder of the system that `batchyard up` runs, in the current folder.
_UP_DIRECTORY = Path(".batchyard")
_URL_FILE = "url"


def up_directory() -> Path:
    """Return the folder that `batchyard up` uses by default."""
    return _UP_DIRECTORY.absolute()


def remember_url(directory: Path, url: str) -> Path:
    """Write the address of the system that runs here for other commands; only we can read it."""
    path = directory / _URL_FILE
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(url + "\n", encoding="utf-8")
    return path


def connect(redis: str | None) -> Client:
    """Return a client of the system that was named, or of the one that `batchyard up` runs in this folder.

    Raises:
        InputError: None was named, and none runs here.
        RedisUnreachable: It does not answer.
    """
    if not redis:
        path = up_directory() / _URL_FILE
        if not path.is_file():
            raise InputError(
                "no Redis was named, and no system runs in this folder",
                remedy="Give --redis URL, set BATCHYARD_REDIS_URL, or start a system here: batchyard up",
            )
        redis = path.read_text(encoding="utf-8").strip()
    return Client(redis)
