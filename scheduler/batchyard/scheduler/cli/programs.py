"""`batchyard scheduler` and `batchyard worker`: the programs that a cluster consists of."""

from __future__ import annotations

import importlib
import logging
import signal
import sys
import threading
from typing import Annotated, Any

import typer

from batchyard.scheduler.cli.options import AllowCode, Threads
from batchyard.scheduler.embedded import leave_with_parent, require_worker_extra
from batchyard.scheduler.errors import InputError

__all__ = ["scheduler", "worker"]

_Redis = Annotated[
    str | None,
    typer.Option(
        "--redis",
        envvar="BATCHYARD_REDIS_URL",
        metavar="URL",
        help="Address of Redis: redis://user:password@host:6379/0, rediss:// for TLS. Needed; "
        "by the environment a password is not seen in the list of processes.",
        show_default=False,
    ),
]
_MetricsPort = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Port of /metrics, for Prometheus. Default: none.", show_default=False
    ),
]
_FirstMetricsPort = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65535,
        help="Port of the first worker's /metrics, for Prometheus; each further worker takes the next port. "
        "Default: none.",
        show_default=False,
    ),
]


def scheduler(redis: _Redis = None, metrics_port: _MetricsPort = None) -> None:
    """Run a scheduler until SIGTERM or Ctrl-C.

    Several may run against one Redis: one leads, the others take over when it dies. Redis may be away for a
    while: the scheduler waits. Example: `batchyard scheduler --redis redis://host:6379/0`.
    """
    url = _needed(redis)
    _configure_logging()
    # Imported here: the other commands do without Celery.
    from batchyard.scheduler.loop import serve

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    leave_with_parent(stop.set)
    serve(url, metrics_port=metrics_port, stop=stop)


def worker(
    devices: Annotated[
        str, typer.Option(metavar="DEVICES", help="cpu:2 (two processes), cuda:0,1, or auto.")
    ] = "auto",
    threads: Threads = 1,
    allow_code: AllowCode = False,
    metrics_port: _FirstMetricsPort = None,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Where other workers reach this machine. Default: found out.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Begins the workers' names. Default: the host's name.", show_default=False
        ),
    ] = None,
    redis: _Redis = None,
) -> None:
    """Run workers, one process for each device, until SIGTERM or Ctrl-C.

    SIGTERM drains: each worker finishes its step or batch, hands over, and leaves. Examples:
    `batchyard worker --devices cpu:2`, `batchyard worker --devices cuda:0,1 --redis redis://host:6379/0`.
    """
    url = _needed(redis)
    _configure_logging()
    require_worker_extra("batchyard worker")
    # By name: the scheduler's package does not depend on the workers'.
    supervisor: Any = importlib.import_module("batchyard.workers.supervisor")
    errors: Any = importlib.import_module("batchyard.workers.errors")
    try:
        code = supervisor.main(
            url,
            devices=devices,
            threads=threads,
            allow_code=allow_code,
            metrics_port=metrics_port or 0,
            host=host or "",
            name=name or "",
        )
    except errors.DeviceError as error:
        raise InputError(str(error)) from error
    raise typer.Exit(code)


def _needed(redis: str | None) -> str:
    """Return the address, which a program of a cluster must be told."""
    if not redis:
        raise InputError(
            "no Redis was named",
            remedy="Give --redis URL or set BATCHYARD_REDIS_URL; `batchyard up` brings a Redis of its own.",
        )
    return redis


def _configure_logging() -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
