"""`batchyard run`: a job file from its check to its results, with nothing running before."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from batchyard.scheduler.cli.follow import Interrupts, follow
from batchyard.scheduler.cli.live import make_view
from batchyard.scheduler.cli.options import AllowCode, Devices
from batchyard.scheduler.client import Client
from batchyard.scheduler.errors import EXIT_INTERRUPTED, EXIT_JOB_FAILED, InputError
from batchyard.scheduler.jobs import JobSpec, load_job_file
from batchyard.scheduler.protocol import JobState

__all__ = ["default_devices", "run"]


def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Job file.", show_default=False)],
    redis: Annotated[
        str | None,
        typer.Option(
            "--redis",
            envvar="BATCHYARD_REDIS_URL",
            metavar="URL",
            help="Run the jobs on a cluster. Default: on this machine, in a system of their own.",
            show_default=False,
        ),
    ] = None,
    devices: Devices = None,
    allow_code: AllowCode = False,
    directory: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the private Redis keeps its data, and the logs. Default: a temporary folder.",
            show_default=False,
        ),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Print lines instead of progress bars.")] = False,
) -> None:
    """Run the jobs of a file and show their progress until they have ended.

    Needs nothing running: without --redis it starts a private Redis, a scheduler and workers, and ends them
    afterwards. Ctrl-C asks the job to stop and keep its results, a second Ctrl-C cancels it.

    Examples: `batchyard run job.yaml`, `batchyard run job.yaml --devices cpu:4`,
    `batchyard run job.yaml --redis redis://host:6379/0`.

    Exit codes: 0 all jobs succeeded, 1 one failed or was cancelled, 2 the job file has problems, 3 Redis or
    the system cannot be reached or started, 130 interrupted.
    """
    specs = load_job_file(file)
    console = Console(highlight=False)
    with Interrupts() as interrupts, _client(specs, redis, devices, allow_code, directory) as client:
        if not redis:
            _wait_for_a_worker(client, console, interrupts)
        handles = client.submit_all(specs)
        with make_view(console, plain=plain) as view:
            records = follow(handles, view, interrupts)
    if interrupts.count:
        raise typer.Exit(EXIT_INTERRUPTED)
    if any(record.state != JobState.SUCCEEDED for record in records):
        raise typer.Exit(EXIT_JOB_FAILED)


def default_devices(specs: Sequence[JobSpec]) -> str:
    """Return the devices of a system that is started for these jobs.

    All GPUs, where there are any; else as many CPU workers as the jobs can use and the machine has cores.
    """
    if any(Path("/dev").glob("nvidia[0-9]*")):
        return "auto"
    usable = max(spec.workers.max for spec in specs)
    needed = max(spec.workers.min for spec in specs)
    return f"cpu:{max(needed, min(usable, os.cpu_count() or 1))}"


def _wait_for_a_worker(client: Client, console: Console, interrupts: Interrupts) -> None:
    """Wait until the first worker of our own system has come up: it loads torch, which takes seconds."""
    with console.status("starting Redis, scheduler and workers …"):
        while not any(worker.beating for worker in client.workers()):
            client.check()
            if interrupts.count:
                raise typer.Exit(EXIT_INTERRUPTED)
            time.sleep(0.05)


@contextmanager
def _client(
    specs: Sequence[JobSpec], redis: str | None, devices: str | None, allow_code: bool, directory: Path | None
) -> Iterator[Client]:
    """Yield a client of the cluster, or of a system for these jobs alone."""
    if redis:
        with Client(redis) as client:
            yield client
        return
    with_code = next((spec for spec in specs if spec.needs_code), None)
    if with_code is not None and not allow_code:
        raise InputError(
            f"job {with_code.name!r} runs Python code of its own (module:factory)",
            remedy="Add --allow-code if you trust it.",
        )
    threads = {spec.threads for spec in specs}
    if len(threads) > 1:
        raise InputError(
            f"the jobs want workers with {' and '.join(map(str, sorted(threads)))} threads",
            remedy="Use one number of threads in a file, or run it on a cluster that has both.",
        )
    with Client.local(
        devices=devices or default_devices(specs),
        threads=threads.pop(),
        allow_code=allow_code,
        directory=directory,
    ) as client:
        yield client
