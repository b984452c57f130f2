"""Two views of running jobs: bars on a terminal, lines in a file."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from batchyard.scheduler.cli.summary import summary
from batchyard.scheduler.client import JobStatus, log_lines, metric_text
from batchyard.scheduler.protocol import Event, EventKind, JobKind, JobRecord, JobState

__all__ = ["LiveView", "PlainView", "make_view"]

#: Events that a terminal shows as lines above the bars; the bars tell the rest.
_NOTEWORTHY = {EventKind.WARNING, EventKind.RANGE, EventKind.CREW}


def make_view(console: Console, *, plain: bool) -> LiveView | PlainView:
    """Return the view that suits where the output goes."""
    return PlainView(console) if plain or not console.is_terminal else LiveView(console)


class PlainView:
    """A line for each event, as in `batchyard logs`; for files and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def event(self, job: JobRecord, event: Event) -> None:
        """Print an event."""
        for line in log_lines(event):
            self._print(f"{job.id}  {line}")

    def progress(self, status: JobStatus) -> None:
        """Print nothing: epochs are events."""

    def ended(self, job: JobRecord, history: Sequence[Event]) -> None:
        """Print where the results lie."""
        self._console.print(summary(job, history), soft_wrap=True)

    def note(self, text: str) -> None:
        """Print a message."""
        self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveView:
    """A progress bar for each job."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("[bold]{task.fields[name]}"),
            TextColumn("{task.fields[where]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[logs]}", style="cyan"),
            TextColumn("{task.fields[speed]}", style="dim"),
            TimeRemainingColumn(compact=True),
            console=console,
        )

    def __enter__(self) -> LiveView:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def event(self, job: JobRecord, event: Event) -> None:
        """Print what the bars do not tell."""
        first_crew = event.kind == EventKind.CREW and event.data.get("generation") == 1
        if event.kind in _NOTEWORTHY and not first_crew:
            line = log_lines(event)[0]
            self._console.print(f"[dim]{escape(job.id)}[/]  {escape(line)}", highlight=False, soft_wrap=True)

    def progress(self, status: JobStatus) -> None:
        """Move a job's bar."""
        job, progress = status.record, status.progress
        bar = self._bars.get(job.id)
        if bar is None:
            name = escape(str(job.spec.get("name", job.id)))
            bar = self._bars[job.id] = self._progress.add_task(
                "", total=None, name=name, where="", logs="", speed=""
            )
        if status.state is JobState.QUEUED:
            self._progress.update(bar, where=f"[yellow]waiting[/] [dim]{escape(status.reason)}[/]")
            return
        done, total = progress.step, progress.steps
        where = f"batch {done}/{total}" if total else "starting"
        if job.kind == JobKind.FIT and total:
            epoch = min(progress.epoch + 1, progress.epochs)
            where = f"epoch {epoch}/{progress.epochs} step {done}/{total}"
            done, total = progress.epoch * total + done, progress.epochs * total
        workers = (
            f"{progress.workers} worker{'' if progress.workers == 1 else 's'}" if progress.workers else ""
        )
        speed = (
            f"{progress.samples_per_second:,.0f} samples/s  {workers}"
            if progress.samples_per_second
            else workers
        )
        self._progress.update(
            bar,
            where=where,
            completed=done,
            total=total or None,
            logs=escape(metric_text(progress.logs)),
            speed=speed,
        )

    def ended(self, job: JobRecord, history: Sequence[Event]) -> None:
        """Replace a job's bar by where its results lie."""
        bar = self._bars.pop(job.id, None)
        if bar is not None:
            self._progress.remove_task(bar)
        self._console.print(summary(job, history), soft_wrap=True)

    def note(self, text: str) -> None:
        """Print a message above the bars."""
        self._console.print(f"[yellow]{escape(text)}[/]", highlight=False)
