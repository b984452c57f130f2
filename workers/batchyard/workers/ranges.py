"""Range tasks: the batches [start, stop) of a predict or evaluate job."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from batchyard.models import Model
from batchyard.models.training import evaluate_batch, predict_batch
from batchyard.models.training.states import stateful_layers
from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.jobs.spec import JobSpec
from batchyard.scheduler.protocol import JobRecord, LedgerEntry, TaskRecord
from batchyard.scheduler.store import Claim, patiently
from batchyard.workers.atomic_files import atomic_path
from batchyard.workers.context import WorkerContext
from batchyard.workers.errors import BatchFailed, ModelSpecError
from batchyard.workers.failures import one_line
from batchyard.workers.model_loading import model_from_spec
from batchyard.workers.parts import PartWriter, part_name, parts_folder
from batchyard.workers.sources import BatchReader, Rows, open_batches
from batchyard.workers.sources.lanes import LaneFormat
from batchyard.workers.sources.opening import lane_format
from batchyard.workers.task_runner import Outcome

__all__ = ["RangeHandler"]

log = logging.getLogger(__name__)

#: Jobs whose model stays loaded.
WARM_JOBS = 2
#: Seconds between two questions whether the task is still this worker's.
ASK_EVERY = 0.5


@dataclass(frozen=True)
class _WarmJob:
    """What is kept of a job between its ranges."""

    spec: JobSpec
    model: Model
    reader: BatchReader
    format: LaneFormat

    def compute(self, rows: Rows) -> dict[str, NDArray[Any]]:
        """Return what a batch adds to the part file, by dataset."""
        lane = self.format.lane(rows)
        if self.spec.kind == "predict":
            outputs = predict_batch(self.model, lane.inputs, self.spec.batch_size)
            names = ["predictions"] if len(outputs) == 1 else self.model.output_names
            return dict(zip(names, outputs, strict=True))
        sums = evaluate_batch(self.model, lane.inputs, lane.targets, lane.sample_weights)
        return {"sums": sums[None]}


class _Left(Exception):
    """Raised to leave a range between two batches; its part file is dropped."""

    def __init__(self, outcome: Outcome):
        super().__init__(outcome)
        self.outcome = outcome


class RangeHandler:
    """Computes ranges; the models of the latest jobs stay loaded.

    Args:
        context: the worker.
    """

    def __init__(self, context: WorkerContext):
        self._context = context
        self._warm: OrderedDict[str, _WarmJob] = OrderedDict()

    def __call__(self, claim: Claim) -> Outcome:
        """Compute a range, write its part file and enter it into the ledger."""
        job, task, context = claim.job, claim.task, self._context
        warm = self._warm_job(job)
        rows = _rows_of(warm, task)
        path = parts_folder(job) / part_name(task)
        started = time.perf_counter()
        try:
            with atomic_path(path) as temporary:
                self._write(warm, claim, rows, temporary)
        except _Left as left:
            return left.outcome
        seconds = time.perf_counter() - started
        context.metrics.computes(rows / seconds)
        entry = LedgerEntry(task.start, task.stop, path.name, rows, seconds, context.name)
        committed = patiently(
            lambda: context.store.commit(job.id, task.id, task.attempt, context.incarnation, entry),
            context.draining,
        )
        if not committed:  # a twin was first, or we were given up: the ledger names another part
            path.unlink(missing_ok=True)
            return "refused"
        return "done"

    def close(self) -> None:
        """Close files and forget models."""
        while self._warm:
            self._warm.popitem()[1].reader.close()

    def _warm_job(self, job: JobRecord) -> _WarmJob:
        if job.id not in self._warm:
            while len(self._warm) >= WARM_JOBS:
                self._warm.popitem(last=False)[1].reader.close()
            context, spec = self._context, JobSpec.model_validate(job.spec)
            model = model_from_spec(spec, spec.seed, context.store).to(context.device)
            _refuse_states(model, spec)
            form = lane_format(model, context.device)
            if spec.kind == "predict":
                form = replace(form, target_dtypes=())  # a source may have targets; prediction reads none
            self._warm[job.id] = _WarmJob(spec, model, open_batches(spec), form)
        self._warm.move_to_end(job.id)
        return self._warm[job.id]

    def _write(self, warm: _WarmJob, claim: Claim, rows: int, path: Path) -> None:
        task, metrics = claim.task, self._context.metrics
        asked = time.monotonic()
        length = rows if warm.spec.kind == "predict" else task.stop - task.start
        with PartWriter(path, length) as part:
            for batch in range(task.start, task.stop):
                if self._context.draining.is_set():
                    raise _Left("released")
                if time.monotonic() - asked > ASK_EVERY:
                    asked = time.monotonic()
                    if not self._still_mine(claim):
                        raise _Left("refused")
                with metrics.timed(metrics.step):
                    part.append(self._compute(warm, batch, task.stop))
            metrics.samples.inc(rows)

    def _compute(self, warm: _WarmJob, batch: int, stop: int) -> dict[str, NDArray[Any]]:
        try:
            return warm.compute(warm.reader.read(batch, stop))
        except Exception as error:
            if isinstance(error, torch.OutOfMemoryError):
                torch.cuda.empty_cache()
            first = warm.reader.first_row(batch)
            last = first + warm.spec.batch_size - 1
            if warm.spec.samples:
                last = min(last, warm.spec.samples - 1)
            where = f"batch {batch} (rows {first} to {last})"
            raise BatchFailed(f"{where} failed: {one_line(error)}", batch) from error

    def _still_mine(self, claim: Claim) -> bool:
        task = claim.task
        try:
            return self._context.store.still_mine(
                claim.job.id, task.id, task.attempt, self._context.incarnation
            )
        except StoreUnavailable:
            return True  # nobody can have taken it while Redis is away


def _refuse_states(model: Model, spec: JobSpec) -> None:
    """Refuse models whose batches depend on the one before: ranges are computed by whoever is free.

    Raises:
        ModelSpecError: The model has stateful layers, or metrics that count over all batches.
    """
    names = [layer.name for layer in stateful_layers(model)]
    if names:
        raise ModelSpecError(
            f"the layers {', '.join(names)} keep states from batch to batch, and a {spec.kind} job computes "
            "its batches independently of each other; make them with stateful=False and load the weights, "
            f"or call model.{spec.kind} yourself"
        )
    counting = [name for name, _ in model.compiled.running_metrics] if spec.kind == "evaluate" else []
    if counting:
        raise ModelSpecError(
            f"the metrics {', '.join(counting)} count over all batches in one place, and an evaluate job "
            "computes its batches independently of each other; use metrics that are means over the rows, or "
            "call model.evaluate yourself"
        )


def _rows_of(warm: _WarmJob, task: TaskRecord) -> int:
    """Return the number of rows of a range; the dataset's last batch can be short."""
    size = warm.spec.batch_size
    if warm.spec.samples:
        return min(task.stop * size, warm.spec.samples) - task.start * size
    rows = (task.stop - task.start) * size
    if task.stop == warm.reader.batches:
        rows -= size - len(warm.reader.read(task.stop - 1, task.stop))
    return rows
