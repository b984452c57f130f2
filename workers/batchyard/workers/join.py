"""Join tasks: the result of a predict or evaluate job out of its committed parts."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from batchyard.models import Model
from batchyard.models.training import finish_sums
from batchyard.scheduler.jobs.spec import JobSpec
from batchyard.scheduler.protocol import JobRecord, LedgerEntry
from batchyard.scheduler.store import Claim, patiently
from batchyard.workers.atomic_files import atomic_path, write_json
from batchyard.workers.context import WorkerContext
from batchyard.workers.errors import LedgerGap
from batchyard.workers.model_loading import model_from_spec
from batchyard.workers.parts import parts_folder, read_slices
from batchyard.workers.task_runner import Outcome

__all__ = ["JoinHandler", "add_sums", "check_ledger", "join_copy", "join_virtual"]

#: Dataset with the first and one past the last row of each run of rows that no prediction was made for.
MISSING = "missing_rows"


class JoinHandler:
    """Joins the parts of a job whose ledger covers all batches.

    Args:
        context: the worker.
    """

    def __init__(self, context: WorkerContext):
        self._context = context

    def __call__(self, claim: Claim) -> Outcome:
        """Write the job's result, report it as the outcome, and remove parts that are no longer needed."""
        job, task, context = claim.job, claim.task, self._context
        spec = JobSpec.model_validate(job.spec)
        ledger = patiently(lambda: context.store.ledger(job.id), context.draining)
        check_ledger(ledger, job.batches)
        make = self._predictions if spec.kind == "predict" else self._metrics
        outcome = make(job, spec, ledger)
        missing = _missing_rows(ledger, spec)
        outcome |= {
            "rows": sum(entry.rows for entry in ledger),
            "missing_rows": missing,
            "reason": _reason(missing),
        }
        finished = patiently(
            lambda: context.store.finish(job.id, task.id, task.attempt, context.incarnation, outcome),
            context.draining,
        )
        if not finished:
            return "refused"
        if spec.kind == "evaluate" or spec.join == "copy":
            shutil.rmtree(parts_folder(job), ignore_errors=True)
        return "done"

    def _predictions(self, job: JobRecord, spec: JobSpec, ledger: Sequence[LedgerEntry]) -> dict[str, Any]:
        target = Path(job.directory) / "predictions.h5"
        samples = spec.samples or sum(e.rows or (e.stop - e.start) * spec.batch_size for e in ledger)
        join = join_copy if spec.join == "copy" else join_virtual
        with atomic_path(target) as path:
            join(path, parts_folder(job), ledger, spec.batch_size, samples)
        return {"predictions": str(target)}

    def _metrics(self, job: JobRecord, spec: JobSpec, ledger: Sequence[LedgerEntry]) -> dict[str, Any]:
        sums = add_sums(parts_folder(job), ledger)
        model: Model = model_from_spec(spec, spec.seed, self._context.store)
        metrics = {name: float(value) for name, value in finish_sums(model, sums).items()}
        target = Path(job.directory) / "metrics.json"
        write_json(target, metrics)
        return {"metrics": str(target), "logs": metrics}


def check_ledger(ledger: Sequence[LedgerEntry], batches: int) -> None:
    """Make sure that a ledger, in the order of batches, covers each batch exactly once.

    Raises:
        LedgerGap: It does not, or nothing in it succeeded.
    """
    expected = 0
    for entry in ledger:
        if entry.start != expected:
            raise LedgerGap(f"the parts do not fit together: expected batch {expected}, found {entry.start}")
        expected = entry.stop
    if expected != batches:
        raise LedgerGap(f"the parts end at batch {expected} of {batches}")
    if not any(entry.part for entry in ledger):
        raise LedgerGap(f"none of the {batches} batches could be computed")


def join_copy(path: Path, parts: Path, ledger: Sequence[LedgerEntry], batch_size: int, samples: int) -> None:
    """Copy the parts into one file, piece by piece; equal rows give equal bytes, however they were cut.

    Rows of quarantined batches are NaN (0 for whole numbers); the dataset `missing_rows` lists them.
    """
    with h5py.File(path, "w") as file:
        for name, shape, dtype in _columns(parts, ledger):
            fill = np.nan if dtype.kind == "f" else 0
            # The whole file is written in the order of rows: so its layout does not depend on the parts.
            column = file.create_dataset(name, (samples, *shape), dtype, fillvalue=fill, track_times=False)
            for entry in ledger:
                first = entry.start * batch_size
                if not entry.part:
                    column[first : min(entry.stop * batch_size, samples)] = fill
                    continue
                with h5py.File(parts / entry.part, "r") as part:
                    for start, rows in read_slices(part[name]):
                        column[first + start : first + start + len(rows)] = rows
        _note_missing(file, ledger, batch_size, samples)


def join_virtual(
    path: Path, parts: Path, ledger: Sequence[LedgerEntry], batch_size: int, samples: int
) -> None:
    """Make a file whose datasets refer to the parts; it has to stay beside their folder."""
    with h5py.File(path, "w", libver="v110") as file:
        for name, shape, dtype in _columns(parts, ledger):
            layout = h5py.VirtualLayout((samples, *shape), dtype)
            for entry in ledger:
                if not entry.part:
                    continue
                first = entry.start * batch_size
                source = h5py.VirtualSource(f"{parts.name}/{entry.part}", name, (entry.rows, *shape), dtype)
                layout[first : first + entry.rows] = source
            file.create_virtual_dataset(name, layout, fillvalue=np.nan if dtype.kind == "f" else 0)
        _note_missing(file, ledger, batch_size, samples)


def add_sums(parts: Path, ledger: Sequence[LedgerEntry]) -> NDArray[np.float64]:
    """Add the sums of all batches, exactly rounded once: no order and no cutting changes a bit."""
    files = [parts / entry.part for entry in ledger if entry.part]
    with h5py.File(files[0], "r") as part:
        width = part["sums"].shape[1]
    # One pass per quantity: memory does not grow with the number of batches.
    return np.array([math.fsum(_column(files, column)) for column in range(width)], dtype=np.float64)


def _column(files: Sequence[Path], column: int) -> Iterator[float]:
    for file in files:
        with h5py.File(file, "r") as part:
            yield from part["sums"][:, column].tolist()


def _columns(
    parts: Path, ledger: Sequence[LedgerEntry]
) -> Iterator[tuple[str, tuple[int, ...], np.dtype[Any]]]:
    first = next(entry for entry in ledger if entry.part)
    with h5py.File(parts / first.part, "r") as part:
        columns = [(name, part[name].shape[1:], part[name].dtype) for name in part]
    yield from columns


def _note_missing(file: Any, ledger: Sequence[LedgerEntry], batch_size: int, samples: int) -> None:
    runs = [[e.start * batch_size, min(e.stop * batch_size, samples)] for e in ledger if not e.part]
    if runs:
        file.create_dataset(MISSING, data=np.array(runs, dtype=np.int64), track_times=False)


def _missing_rows(ledger: Sequence[LedgerEntry], spec: JobSpec) -> list[list[int]]:
    size, last = spec.batch_size, spec.samples or ledger[-1].stop * spec.batch_size
    return [[e.start * size, min(e.stop * size, last)] for e in ledger if not e.part]


def _reason(missing: Sequence[Sequence[int]]) -> str:
    """Say in one line what was left out; nothing when all is well."""
    if not missing:
        return ""
    runs = ", ".join(f"{first} to {stop - 1}" for first, stop in missing[:5])
    return f"quarantined: rows {runs}{', …' if len(missing) > 5 else ''} have no result"
