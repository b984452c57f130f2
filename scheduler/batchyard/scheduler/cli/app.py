"""All commands, and how errors become one message and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from importlib import metadata
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from batchyard.scheduler.cli import doctor, files, jobs, logs, programs, run, status, up
from batchyard.scheduler.errors import (
    EXIT_CODES,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_OK,
    BatchyardError,
    JobFileError,
)

__all__ = ["app", "main"]

_CODES = "\n".join(f"- {code}: {meaning}" for code, meaning in EXIT_CODES.items())

_EXAMPLES = """\
- `batchyard run job.yaml` runs a job file on this machine, with nothing to set up
- `batchyard up`, and in another terminal `batchyard submit job.yaml`: a system that stays
- `batchyard submit job.yaml --redis redis://host:6379/0` hands a job to a cluster"""

app = typer.Typer(
    name="batchyard",
    help=(
        "Train and apply Keras-style models on a fleet of workers: the same bits on any number of them.\n\n"
        "Options can also be set by the environment, as BATCHYARD_RUN_DEVICES for `run --devices`: the help "
        "of each command names the variables. The address of Redis is BATCHYARD_REDIS_URL."
    ),
    epilog=f"Examples:\n\n{_EXAMPLES}\n\nExit codes:\n\n{_CODES}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"auto_envvar_prefix": "BATCHYARD", "help_option_names": ["-h", "--help"]},
)

_COMMANDS: dict[str, Callable[..., None]] = {
    "run": run.run,
    "up": up.up,
    "submit": jobs.submit,
    "list": status.list_jobs,
    "status": status.status,
    "logs": logs.logs,
    "cancel": jobs.cancel,
    "stop": jobs.stop,
    "scheduler": programs.scheduler,
    "worker": programs.worker,
    "doctor": doctor.doctor,
    "inspect": files.inspect,
    "convert": files.convert,
}


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"batchyard {metadata.version('batchyard')}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            allow_from_autoenv=False,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    pass


for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    code = EXIT_OK
    try:
        app(prog_name="batchyard")
    except BatchyardError as error:
        report(error)
        code = error.exit_code
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output, `head` for example, has enough. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception:  # the outermost edge: nothing is hidden, it is told as our fault
        traceback.print_exc()
        Console(stderr=True).print("\n[bold red]This is a fault of Batchyard itself.[/] Please report it.")
        code = EXIT_INTERNAL
    sys.exit(code)


def report(error: BatchyardError) -> None:
    """Print an error as one message, without a traceback."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if isinstance(error, JobFileError):
        count = len(error.problems)
        head = "is a problem" if count == 1 else f"are {count} problems"
        console.print(f"[bold red]error:[/] nothing was started; there {head}:")
        for problem in error.problems:
            console.print(f"  {escape(problem)}")
        return
    console.print(f"[bold red]error:[/] {escape(str(error))}")
