"""What a job that succeeded has left behind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py

from batchyard.scheduler.errors import InputError
from batchyard.scheduler.protocol import Event, EventKind, JobRecord

__all__ = ["JobResult", "ResultPaths", "history_of", "read_metrics"]


@dataclass(frozen=True)
class ResultPaths:
    """Where the files of a job lie; None for those that its kind does not make."""

    directory: Path
    model: Path | None  #: the final weights
    best: Path | None  #: the best checkpoint
    checkpoints: Path | None  #: folder
    predictions: Path | None
    history: Path | None  #: CSV, a line per epoch
    learning_curve: Path | None  #: PNG
    metrics: Path | None  #: JSON

    @classmethod
    def of(cls, directory: Path) -> ResultPaths:
        """Look which files a job's folder has."""

        def present(name: str) -> Path | None:
            return directory / name if (directory / name).exists() else None

        return cls(
            directory=directory,
            model=present("model.h5"),
            best=present("checkpoints/best.h5"),
            checkpoints=present("checkpoints"),
            predictions=present("predictions.h5"),
            history=present("history.csv"),
            learning_curve=present("learning_curve.png"),
            metrics=present("metrics.json"),
        )


class JobResult:
    """The result of a job that succeeded.

    Args:
        record: The job's record.
        history: For each loss and metric the list of its values, by epoch.

    Example:
        result = client.predict(model, x).result()
        labels = result.predictions[:].argmax(axis=1)
    """

    def __init__(self, record: JobRecord, history: Mapping[str, list[float]]) -> None:
        self.job_id = record.id
        self.kind = record.kind
        self.reason = record.reason
        self.outcome: dict[str, Any] = record.outcome
        self.paths = ResultPaths.of(Path(record.directory))
        self.history: dict[str, list[float]] = dict(history)

    @property
    def metrics(self) -> dict[str, float]:
        """What evaluate found, or the logs of a fit's last epoch."""
        return read_metrics(self.paths)

    @cached_property
    def predictions(self) -> Any:
        """The predictions, as an open HDF5 dataset that is read when sliced; by output's name for several.

        Raises:
            InputError: The job made none.
        """
        if self.paths.predictions is None:
            raise InputError(
                f"job {self.job_id} has no predictions, it is a {self.kind} job", remedy="Use predict()."
            )
        file = h5py.File(self.paths.predictions, "r")
        return file["predictions"] if "predictions" in file else dict(file.items())

    def __repr__(self) -> str:
        return (
            f"JobResult({self.job_id!r}, directory={str(self.paths.directory)!r}, metrics={self.metrics!r})"
        )


def read_metrics(paths: ResultPaths) -> dict[str, float]:
    """Return the metrics that a job has written; none, when it has written none."""
    if paths.metrics is None:
        return {}
    found = json.loads(paths.metrics.read_text(encoding="utf-8"))
    return {str(name): float(value) for name, value in found.items()}


def history_of(events: Iterable[Event]) -> dict[str, list[float]]:
    """Return Keras's `History.history` from a job's events; of an epoch told twice the last one counts."""
    epochs: dict[int, dict[str, float]] = {}
    for event in events:
        if event.kind == EventKind.EPOCH:
            epochs[int(event.data["epoch"])] = event.data["logs"]
    history: dict[str, list[float]] = {}
    for _, logs in sorted(epochs.items()):
        for name, value in logs.items():
            history.setdefault(name, []).append(value)
    return history
