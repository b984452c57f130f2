"""`batchyard scheduler` and `batchyard worker`: the programs that a cluster consists of."""

from __future__ import annotations

import importlib
import logging
import signal
import sys
import threading
from typing import Annotated, Any

import typer

from batchyard.scheduler.cli.options import AllowCode, Redis, Threads
from batchyard.scheduler.embedded import leave_with_parent
from batchyard.scheduler.errors import InputError, MissingExtra

__all__ = ["scheduler", "worker"]

_MetricsPort = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Port of /metrics, for Prometheus. Default: none.", show_default=False
    ),
]


def scheduler(redis: Redis = None, metrics_port: _MetricsPort = None) -> None:
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
    metrics_port: _MetricsPort = None,
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
    redis: Redis = None,
) -> None:
    """Run workers, one process for each device, until SIGTERM or Ctrl-C.

    SIGTERM drains: each worker finishes its step or batch, hands over, and leaves. Examples:
    `batchyard worker --devices cpu:2`, `batchyard worker --devices cuda:0,1 --redis redis://host:6379/0`.
    """
    url = _needed(redis)
    _configure_logging()
    try:
        # By name: the scheduler's package may be installed without the workers' and without torch.
        supervisor: Any = importlib.import_module("batchyard.workers.supervisor")
        missing = next(
            (m for m in ("torch", "matplotlib", "psutil") if not importlib.util.find_spec(m)), None
        )
    except ModuleNotFoundError as error:
        missing = error.name
    if missing is not None:
        raise MissingExtra("worker", "batchyard worker")
    leave_with_parent()
    code = supervisor.main(
        redis_url=url,
        devices=devices,
        threads=threads,
        allow_code=allow_code,
        metrics_port=metrics_port,
        host=host,
        name=name,
    )
    raise typer.Exit(code or 0)


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
