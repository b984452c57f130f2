"""What a finished fit job leaves beside its model: history, learning curve, last logs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from batchyard.workers.atomic_files import atomic_path, write_bytes, write_json

__all__ = ["write_history", "write_learning_curve", "write_metrics", "write_report"]

History = Mapping[str, Sequence[float]]


def write_report(directory: Path, epochs: Sequence[int], history: History) -> dict[str, str]:
    """Write all three files into a job's folder.

    Args:
        directory: the job's folder.
        epochs: numbers of the epochs, from 0.
        history: for each quantity its values, one per epoch.

    Returns:
        The absolute paths, for the job's outcome: `history`, `learning_curve`, `metrics`.
    """
    files = {
        "history": directory / "history.csv",
        "learning_curve": directory / "learning_curve.png",
        "metrics": directory / "metrics.json",
    }
    write_history(files["history"], epochs, history)
    write_learning_curve(files["learning_curve"], epochs, history)
    write_metrics(files["metrics"], {name: values[-1] for name, values in history.items() if values})
    return {name: str(path) for name, path in files.items()}


def write_history(path: Path, epochs: Sequence[int], history: History) -> None:
    """Write the logs of each epoch as a table; the numbers keep all their digits."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["epoch", *history])
    for row, epoch in enumerate(epochs):
        table.writerow(
            [epoch, *(repr(float(values[row])) if row < len(values) else "" for values in history.values())]
        )
    write_bytes(path, text.getvalue().encode())


def write_learning_curve(path: Path, epochs: Sequence[int], history: History) -> None:
    """Draw each quantity over the epochs, training and validation in one frame."""
    names = [name for name in history if not name.startswith("val_")]
    # The object API: pyplot keeps global state and is not made for threads.
    figure = Figure(figsize=(5 * max(1, len(names)), 4), layout="constrained")
    FigureCanvasAgg(figure)
    frames = figure.subplots(1, max(1, len(names)), squeeze=False)[0]
    for frame, name in zip(frames, names, strict=False):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            if values := history.get(key):
                marker = "o" if len(values) == 1 else None
                frame.plot([epoch + 1 for epoch in epochs[: len(values)]], values, label=label, marker=marker)
        frame.set_title(name)
        frame.set_xlabel("epoch")
        frame.xaxis.get_major_locator().set_params(integer=True)
        frame.grid(alpha=0.3)
        frame.legend()
    with atomic_path(path) as temporary:
        # Without the date equal histories give equal files.
        figure.savefig(temporary, dpi=120, metadata={"Software": None})


def write_metrics(path: Path, values: Mapping[str, float]) -> None:
    """Write the quantities as JSON."""
    write_json(path, {name: float(value) for name, value in values.items()})
