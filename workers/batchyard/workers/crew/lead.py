"""What the first member of a crew does for all: progress, events, checkpoints, and the result."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from batchyard.models import Model
from batchyard.models.training import FitState, TrainingData
from batchyard.models.training.logs import means
from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.jobs.spec import JobSpec
from batchyard.scheduler.protocol import JobRecord, Progress
from batchyard.scheduler.store import Store
from batchyard.workers.checkpoints import CheckpointWriter, Snapshot, best_path
from batchyard.workers.crew.watcher import Watcher
from batchyard.workers.metrics import WorkerMetrics
from batchyard.workers.progress import ProgressReporter
from batchyard.workers.report import write_report

__all__ = ["Lead"]

log = logging.getLogger(__name__)

#: Seconds between two tries while Redis is away.
RETRY = 0.2


class Lead:
    """The first member's duties, for one generation.

    Args:
        store: the shared state.
        job: the job.
        spec: its specification.
        generation: this one.
        workers: number of members.
        model: the one in training.
        data: what is trained on.
        watcher: tells when the generation is over.
        reporter: sends progress and events.
        checkpoints: writes checkpoints.
        metrics: takes the times.
    """

    def __init__(
        self,
        store: Store,
        job: JobRecord,
        spec: JobSpec,
        generation: int,
        workers: int,
        model: Model,
        data: TrainingData,
        watcher: Watcher,
        reporter: ProgressReporter,
        checkpoints: CheckpointWriter,
        metrics: WorkerMetrics,
    ) -> None:
        self._store = store
        self._job = job
        self._spec = spec
        self._generation = generation
        self._workers = workers
        self._model = model
        self._data = data
        self._watcher = watcher
        self._reporter = reporter
        self._metrics = metrics
        self._checkpoints = checkpoints
        self._epoch_began = self._counted_at = time.monotonic()
        self._epoch_rows = self._counted_rows = 0
        self._rate = 0.0

    def begin(self, state: FitState, best: Snapshot | None) -> None:
        """Make up for what an earlier first member did not get to.

        It may have been lost after an epoch's decision and before telling of it, or before its checkpoint was
        on record.

        Args:
            state: where the fit stands.
            best: the best epoch's end, if this member remembers it.
        """
        self._reporter.catch_up(state.epochs, state.history)
        self._checkpoints.go_on(self._generation)
        known = self._store.checkpoints(self._job.id)
        ends = {checkpoint.epoch for checkpoint in known if checkpoint.step == 0}
        if state.step == 0 and state.epoch > 0 and state.epoch not in ends:
            self._checkpoints.epoch_done(self._model, state, self._generation)
            ends.add(state.epoch)
        if best is not None and best.epoch not in ends:
            self._checkpoints.make_up_for(best, self._generation)
        self._checkpoints.link_best(known)
        self._report(state)

    def step_done(self, state: FitState) -> None:
        """Count, report now and then, and write a checkpoint when one is due."""
        rows = min(self._data.batch_size, self._data.samples - (state.step - 1) * self._data.batch_size)
        self._counted_rows += rows
        self._epoch_rows += rows
        self._metrics.samples.inc(rows)
        if self._reporter.due():
            self._report(state)
        self._checkpoints.step_done(self._model, state, self._generation)

    def epoch_done(self, state: FitState) -> None:
        """Tell of the finished epoch, and write a checkpoint when one is due."""
        now = time.monotonic()
        seconds = now - self._epoch_began
        logs = {name: values[-1] for name, values in state.history.items() if values}
        self._reporter.epoch(
            {
                "epoch": state.epochs[-1],
                "logs": logs,
                "seconds": seconds,
                "samples_per_second": self._epoch_rows / seconds if seconds > 0 else 0.0,
                "learning_rate": self._model.optimizer.hyper_parameters().get("lr"),
            }
        )
        self._report(state)
        self._epoch_began, self._epoch_rows = now, 0
        self._checkpoints.epoch_done(self._model, state, self._generation)

    def finish(self, state: FitState) -> bool:
        """Write the result and report it; False when the generation is over.

        All files are replaced atomically and have the same contents whoever writes them, so doing it again
        after a lost member is harmless.
        """
        self._checkpoints.flush()
        directory = Path(self._job.directory)
        model_file = directory / "model.h5"
        self._model.save(model_file)
        outcome: dict[str, Any] = {
            "model": str(model_file),
            **write_report(directory, state.epochs, state.history),
            "checkpoints": str(directory / "checkpoints"),
            "epochs": len(state.epochs),
            "steps": state.iterations,
            "logs": {name: values[-1] for name, values in state.history.items() if values},
            "reason": state.stop_reason or "",
        }
        best = best_path(self._job)
        if best.exists():
            outcome["best"] = str(best)
        self._report(state)
        self._reporter.flush()
        while True:
            self._watcher.check()
            try:
                return self._store.finish_fit(self._job.id, self._generation, outcome)
            except StoreUnavailable as error:
                log.debug("the result waits for Redis: %s", error, extra={"action": "finish"})
                self._watcher.pause(RETRY)

    def _report(self, state: FitState) -> None:
        now = time.monotonic()
        if now > self._counted_at and self._counted_rows:
            self._rate = self._counted_rows / (now - self._counted_at)
        self._counted_at, self._counted_rows = now, 0
        self._metrics.computes(self._rate)
        logs = {name: values[-1] for name, values in state.history.items() if values}
        if state.sums is not None:
            logs.update(means(self._model.compiled.metrics_names, state.sums))
        self._reporter.progress(
            Progress(
                epoch=state.epoch,
                epochs=self._spec.epochs,
                step=state.step,
                steps=self._data.steps_per_epoch,
                samples_per_second=self._rate,
                workers=self._workers,
                logs=logs,
            )
        )
