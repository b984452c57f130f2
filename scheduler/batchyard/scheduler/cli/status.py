"""`batchyard list` and `batchyard status`."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from batchyard.scheduler.cli.options import Json, Redis, connect
from batchyard.scheduler.cli.summary import state_style, summary
from batchyard.scheduler.client import Client, JobStatus, metric_text
from batchyard.scheduler.protocol import EventKind, JobKind, JobRecord, JobState, Progress, WorkerRecord

__all__ = ["list_jobs", "status"]

#: Ended jobs that `status` and `list` show without --all.
_RECENT = 10
#: Columns of a table that no terminal limits.
_PIPE_WIDTH = 240


def list_jobs(
    every: Annotated[
        bool,
        typer.Option("--all", help="Show all ended jobs, not the latest only.", allow_from_autoenv=False),
    ] = False,
    as_json: Json = False,
    redis: Redis = None,
) -> None:
    """List jobs with their state and, in one line, why they wait or how they ended.

    Examples: `batchyard list --all`, `batchyard list --json`.
    """
    with connect(redis) as client:
        jobs = client.jobs()
        if as_json:
            typer.echo(json.dumps([_plain_job(client, job) for job in jobs], indent=2))
            return
        _print_jobs(_console(), client, jobs, every=every)


def status(
    job: Annotated[
        str | None, typer.Argument(metavar="JOB", help="Default: all jobs, the scheduler and the workers.")
    ] = None,
    as_json: Json = False,
    redis: Redis = None,
) -> None:
    """Show one job in detail, or the whole system.

    Examples: `batchyard status`, `batchyard status digits-train`, `batchyard status --json`.
    """
    console = _console()
    with connect(redis) as client:
        if job is not None:
            handle = client.job(job)
            if as_json:
                typer.echo(json.dumps(_plain_job(client, handle.record()), indent=2))
            else:
                _print_job(
                    console, handle.status(), [e for e in handle.events() if e.kind == EventKind.EPOCH]
                )
            return
        leader, workers, jobs = client.store.leader(), client.workers(), client.jobs()
        if as_json:
            document = {
                "leader": leader,
                "workers": [dataclasses.asdict(worker) for worker in workers],
                "jobs": [_plain_job(client, record) for record in jobs],
            }
            typer.echo(json.dumps(document, indent=2))
            return
        if leader is None:
            console.print("scheduler: [bold red]none leads[/] (start one: batchyard scheduler)")
        else:
            console.print(f"scheduler: [green]leading[/] ({escape(leader)})")
        _print_workers(console, workers, jobs)
        _print_jobs(console, client, jobs, every=False)


def _console() -> Console:
    """Return a console that keeps each job on one line when its output goes to another program."""
    console = Console(highlight=False)
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(highlight=False, width=_PIPE_WIDTH)


def _print_workers(console: Console, workers: Sequence[WorkerRecord], jobs: Sequence[JobRecord]) -> None:
    if not workers:
        console.print("workers: [bold red]none[/] (start some: batchyard worker)")
        return
    held = {name: job.id for job in jobs if not JobState(job.state).ended for name in job.allotted}
    table = Table(
        "worker", "device", "host", "heartbeat", "works for", "code", "up", box=None, header_style="dim"
    )
    for worker in workers:
        table.add_row(
            escape(worker.name),
            worker.device,
            escape(worker.host),
            _heartbeat(worker),
            escape(held.get(worker.name, "-")),
            "allowed" if worker.allow_code else "-",
            _age(worker.started_at),
        )
    console.print(table)


def _heartbeat(worker: WorkerRecord) -> str:
    if worker.dead or not worker.beating:
        return "[red]dead[/]" if worker.dead else "[red]silent[/]"
    return "[yellow]draining[/]" if worker.draining else "[green]beating[/]"


def _print_jobs(console: Console, client: Client, jobs: Sequence[JobRecord], *, every: bool) -> None:
    ended = [job for job in jobs if JobState(job.state).ended]
    hidden = set() if every else {job.id for job in ended[:-_RECENT]}
    if not jobs:
        console.print("jobs: none yet (hand one in: batchyard submit job.yaml)")
        return
    table = Table(box=None, header_style="dim")
    for title in ("job", "kind", "state"):
        table.add_column(title, no_wrap=True)  # an id must be whole to be copied
    for title in ("progress", "age", ""):
        table.add_column(title)
    for job in jobs:
        if job.id not in hidden:
            progress = client.store.progress(job.id) if job.state == JobState.RUNNING else Progress()
            table.add_row(
                escape(job.id),
                job.kind,
                f"[{state_style(job.state)}]{job.state}[/]",
                escape(_progress_text(job, progress)),
                _age(job.submitted_at),
                escape(job.reason),
            )
    console.print(table)
    if hidden:
        console.print(f"[dim]… and {len(hidden)} that ended earlier (--all)[/]")


def _print_job(console: Console, status: JobStatus, epochs: Sequence[Any]) -> None:
    job = status.record
    if status.state.ended:
        console.print(summary(job, epochs), soft_wrap=True, end="")
        return
    rows = {
        "job": job.id,
        "kind": job.kind,
        "state": f"{job.state}{f': {job.reason}' if job.reason else ''}",
        "progress": _progress_text(job, status.progress),
        "metrics": metric_text(status.progress.logs),
        "workers": ", ".join(job.allotted),
        "asked to": job.want,
        "submitted": f"{_age(job.submitted_at)} ago by {job.owner}",
        "folder": job.directory,
    }
    for label, value in rows.items():
        if value:
            console.print(f"[dim]{label:<12}[/]{escape(value)}", soft_wrap=True)


def _progress_text(job: JobRecord, progress: Progress) -> str:
    if not progress.steps:
        return ""
    speed = f"  {progress.samples_per_second:,.0f} samples/s" if progress.samples_per_second else ""
    if job.kind == JobKind.FIT:
        epoch = min(progress.epoch + 1, progress.epochs)
        return f"epoch {epoch}/{progress.epochs} step {progress.step}/{progress.steps}{speed}"
    return f"batch {progress.step}/{progress.steps}{speed}"


def _plain_job(client: Client, job: JobRecord) -> dict[str, Any]:
    """Return a job as JSON values, with its progress."""
    return {**dataclasses.asdict(job), "progress": dataclasses.asdict(client.store.progress(job.id))}


def _age(since: float) -> str:
    if not since:
        return "-"
    seconds = max(0, int(time.time() - since))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
