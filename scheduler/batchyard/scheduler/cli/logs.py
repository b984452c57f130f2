"""`batchyard logs`."""

from __future__ import annotations

from typing import Annotated

import typer

from batchyard.scheduler.cli.options import JobArgument, Redis, connect
from batchyard.scheduler.errors import EXIT_JOB_FAILED
from batchyard.scheduler.protocol import JobState

__all__ = ["logs"]


def logs(
    job: JobArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job has ended; Ctrl-C leaves it running.")
    ] = False,
    redis: Redis = None,
) -> None:
    """Print what happened to a job: states, epochs, warnings, and why it failed in full.

    Example: `batchyard logs -f digits-train`. With -f the exit code is 1 when the job fails.
    """
    with connect(redis) as client:
        handle = client.job(job)
        for line in handle.logs(follow=follow):
            typer.echo(line)
        if follow and handle.status().state in (JobState.FAILED, JobState.CANCELLED):
            raise typer.Exit(EXIT_JOB_FAILED)
