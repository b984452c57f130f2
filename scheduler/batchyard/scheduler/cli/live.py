"""Two views of running jobs: bars on a terminal, lines in a file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from batchyard.scheduler.cli.summary import summary
from batchyard.scheduler.client import JobStatus, log_lines, metric_text
from batchyard.scheduler.protocol import Event, EventKind, JobKind, JobRecord, JobState

__all__ = ["LiveView", "PlainView", "make_view"]

#: Events that a terminal shows as lines above the bars; the bars tell the rest.
_NOTEWORTHY = {EventKind.WARNING, EventKind.RANGE, EventKind.CREW}

#: Part that a new report of speed has in the one that is shown; there are some five a second.
_SMOOTHING = 0.1


def make_view(console: Console, *, plain: bool) -> LiveView | PlainView:
    """Return the view that suits where the output goes."""
    return PlainView(console) if plain or not console.is_terminal else LiveView(console)


class PlainView:
    """A line for each event, as in `batchyard logs` but without checkpoints; for files and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def event(self, job: JobRecord, event: Event) -> None:
        """Print an event."""
        if event.kind == EventKind.CHECKPOINT:
            return  # one after each epoch; the summary says where they lie
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


@dataclass(frozen=True)
class _Row:
    """What the terminal shows of one job."""

    status: JobStatus
    began: float  #: when it was first seen running, on our clock
    began_with: int  #: what it had done by then
    speed: float = 0.0  #: samples per second, smoothed: a validation between two reports halves what they say


class LiveView:
    """Bars on a terminal: where each open job is, how fast, its metrics, and the time it still needs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[str, _Row] = {}
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=8, transient=True, screen=False
        )

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def event(self, job: JobRecord, event: Event) -> None:
        """Print what the bars do not tell."""
        first_crew = event.kind == EventKind.CREW and event.data.get("generation") == 1
        if event.kind in _NOTEWORTHY and not first_crew:
            line = log_lines(event)[0]
            self._console.print(f"[dim]{escape(job.id)}[/]  {escape(line)}", highlight=False, soft_wrap=True)

    def progress(self, status: JobStatus) -> None:
        """Move a job's bar."""
        before = self._rows.get(status.record.id)
        done, _ = _work(status)
        if before is None or before.status.state is not JobState.RUNNING or not before.began_with:
            self._rows[status.record.id] = _Row(status, time.monotonic(), done)
        else:
            told = status.progress.samples_per_second
            speed = before.speed + _SMOOTHING * (told - before.speed) if before.speed else told
            self._rows[status.record.id] = replace(before, status=status, speed=speed)

    def ended(self, job: JobRecord, history: Sequence[Event]) -> None:
        """Replace a job's bar by where its results lie."""
        self._rows.pop(job.id, None)
        self._console.print(summary(job, history), soft_wrap=True)

    def note(self, text: str) -> None:
        """Print a message above the bars."""
        self._console.print(f"[yellow]{escape(text)}[/]", highlight=False)

    def _render(self) -> Group:
        rows = list(self._rows.values())
        width = max((len(_name(row.status)) for row in rows), default=0)
        return Group(*(line for row in rows for line in _lines(row, width)))


def _lines(row: _Row, width: int) -> Iterator[RenderableType]:
    """Yield the lines of one job, the name in a column of its own."""
    status = row.status
    name = Text(_name(status).ljust(width), style="bold")
    if status.state is JobState.QUEUED:
        waiting = Text.assemble(name, "  ", (status.reason or "queued", "yellow"))
        waiting.no_wrap, waiting.overflow = True, "ellipsis"
        yield waiting
        return
    done, total = _work(status)
    line = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(4):
        line.add_column(no_wrap=True, overflow="ellipsis")
    bar = ProgressBar(total=total or None, completed=done, width=24, pulse=not total)
    line.add_row(name, _where(status), bar, Text(_time_left(status, row), style="dim"))
    yield line
    # Beside each other where there is room, else below each other: 80 columns hold the line above just so.
    details = [(_speed(status, row), "dim"), (metric_text(status.progress.logs), "cyan")]
    texts = [Text(text, style=style) for text, style in details if text]
    if texts:
        yield Padding(Columns(texts, padding=(0, 2)), (0, 0, 0, width + 2))


def _name(status: JobStatus) -> str:
    return str(status.record.spec.get("name", status.record.id))


def _work(status: JobStatus) -> tuple[int, int]:
    """Return the steps or batches done, and those to do in all (0: not known yet)."""
    progress = status.progress
    if status.record.kind == JobKind.FIT:
        return progress.epoch * progress.steps + progress.step, progress.epochs * progress.steps
    return progress.step, progress.steps


def _where(status: JobStatus) -> str:
    progress = status.progress
    if not progress.steps:
        return "starting"
    if status.record.kind != JobKind.FIT:
        return f"batch {progress.step}/{progress.steps}"
    epoch = min(progress.epoch + 1, progress.epochs)
    return f"epoch {epoch}/{progress.epochs}  step {progress.step}/{progress.steps}"


def _speed(status: JobStatus, row: _Row) -> str:
    """Return samples per second, and workers."""
    workers = status.progress.workers
    parts = []
    if row.speed:
        parts.append(f"{row.speed:,.0f} samples/s")
    if workers:
        parts.append(f"{workers} worker{'' if workers == 1 else 's'}")
    return "  ".join(parts)


def _time_left(status: JobStatus, row: _Row) -> str:
    """Return how long the rest takes at the speed so far."""
    done, total = _work(status)
    gained = done - row.began_with
    if gained <= 0 or not total:
        return ""
    left = int((total - done) * (time.monotonic() - row.began) / gained)
    return f"{left // 60}:{left % 60:02d} left"
