"""What a job has left behind, as a small table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from batchyard.scheduler.client import ResultPaths, history_of, metric_text
from batchyard.scheduler.client.result import read_metrics
from batchyard.scheduler.protocol import Event, JobRecord, JobState

__all__ = ["state_style", "summary"]

_STYLES = {
    JobState.QUEUED: "yellow",
    JobState.RUNNING: "cyan",
    JobState.SUCCEEDED: "green",
    JobState.FAILED: "bold red",
    JobState.CANCELLED: "magenta",
}


def state_style(state: str) -> str:
    """Return the colour of a job's state."""
    return _STYLES.get(JobState(state), "")


def summary(job: JobRecord, history: Sequence[Event]) -> Text:
    """Return a job's end as lines of label and value; long paths are left whole, to be copied.

    Args:
        job: The job, ended.
        history: Its events of epochs.
    """
    paths = ResultPaths.of(Path(job.directory))
    took = (
        f" after {_duration(job.finished_at - job.started_at)}" if job.started_at and job.finished_at else ""
    )
    text = Text()
    text.append(f"{job.id} ", style="bold")
    text.append(f"{job.state}", style=state_style(job.state))
    text.append(f"{took}{f': {job.reason}' if job.reason else ''}\n")
    metrics = read_metrics(paths) or {name: values[-1] for name, values in history_of(history).items()}
    rows = {
        "metrics": metric_text(metrics),
        "epochs": str(len(history)) if history else "",
        "model": _short(paths.model),
        "best": _short(paths.best),
        "checkpoints": _short(paths.checkpoints),
        "predictions": _short(paths.predictions),
        "history": _short(paths.history),
        "learning curve": _short(paths.learning_curve),
        "folder": _short(paths.directory),
    }
    for label, value in rows.items():
        if value:
            text.append(f"  {label:<16}", style="dim")
            text.append(f"{value}\n")
    return text


def _short(path: Path | None) -> str:
    """Return a path as it is read from the current folder."""
    if path is None:
        return ""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
