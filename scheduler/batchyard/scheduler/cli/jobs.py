"""`batchyard submit`, `cancel` and `stop`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from batchyard.scheduler.cli.options import Json, Redis, connect
from batchyard.scheduler.client import JobHandle
from batchyard.scheduler.jobs import load_job_file
from batchyard.scheduler.protocol import JobState

__all__ = ["cancel", "stop", "submit"]

_Jobs = Annotated[
    list[str], typer.Argument(metavar="JOB...", help="Ids, beginnings of ids, or names of jobs.")
]


def submit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Job file.", show_default=False)],
    redis: Redis = None,
    as_json: Json = False,
) -> None:
    """Check a job file and hand its jobs to a running system.

    Example: `batchyard submit job.yaml --redis redis://host:6379/0`. Exit code 2: the job file has problems,
    all of which are listed.
    """
    specs = load_job_file(file)
    with connect(redis) as client:
        handles = client.submit_all(specs)
    if as_json:
        typer.echo(json.dumps([handle.id for handle in handles]))
        return
    for handle in handles:
        typer.echo(handle.id)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[dim]Follow with: batchyard logs -f {handles[0].id}[/]")


def cancel(jobs: _Jobs, redis: Redis = None) -> None:
    """Drop jobs. What they have written stays.

    Example: `batchyard cancel digits-train`.
    """
    _request(jobs, redis, "cancel", "is being cancelled")


def stop(jobs: _Jobs, redis: Redis = None) -> None:
    """End jobs gracefully: a fit job after its present step, with its model, best checkpoint and history.

    Example: `batchyard stop digits-train`.
    """
    _request(jobs, redis, "stop", "will end after its present step")


def _request(texts: list[str], redis: str | None, verb: str, effect: str) -> None:
    with connect(redis) as client:
        handles = [client.job(text) for text in texts]  # a wrong one among them: nothing is done
        for handle in handles:
            state = _ask(handle, verb)
            typer.echo(f"{handle.id} {f'has ended already: {state}' if state.ended else effect}")


def _ask(handle: JobHandle, verb: str) -> JobState:
    before = handle.status().state
    after = handle.cancel() if verb == "cancel" else handle.stop()
    # A queued job ends at once: that is an effect, not a refusal.
    return before if before.ended or not after.ended else JobState.RUNNING
