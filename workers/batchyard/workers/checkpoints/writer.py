"""Writing checkpoints in the background."""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from batchyard.models import Model
from batchyard.models.training import FitState, unpack
from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.jobs.spec import JobSpec
from batchyard.scheduler.protocol import Checkpoint, EventKind, JobRecord
from batchyard.scheduler.store import Store, patiently
from batchyard.workers.atomic_files import link_atomically, sha256_of, write_bytes
from batchyard.workers.checkpoints.files import best_path, checkpoint_folder, checkpoint_paths
from batchyard.workers.checkpoints.policy import best_of, outdated
from batchyard.workers.checkpoints.snapshot import Snapshot, monitored
from batchyard.workers.errors import CheckpointError
from batchyard.workers.metrics import WorkerMetrics
from batchyard.workers.model_loading import model_from_spec

__all__ = ["CheckpointWriter"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Order:
    """A snapshot to be written by the first member of a generation."""

    snapshot: Snapshot
    generation: int


class CheckpointWriter:
    """Writes a fit job's checkpoints; used by the member of rank 0.

    The training thread packs model and state into bytes; a background thread writes them through a model of
    its own, so training goes on at once. A second snapshot waits for the first to be written. A checkpoint is
    recorded in the store only when both of its files are safely on disk. A checkpoint that cannot be written
    is reported as a warning on the job, and the job goes on.

    Args:
        store: where checkpoints are recorded.
        job: the job.
        metrics: takes the time of writing. Default: not measured.
        build: makes another model like the one trained. Default: from the job's specification.

    Example:
        >>> with CheckpointWriter(store, job) as checkpoints:  # doctest: +SKIP
        ...     checkpoints.epoch_done(model, state, generation)
    """

    def __init__(
        self,
        store: Store,
        job: JobRecord,
        *,
        metrics: WorkerMetrics | None = None,
        build: Callable[[], Model] | None = None,
    ):
        self._spec = JobSpec.model_validate(job.spec)
        self._store = store
        self._job = job
        self._metrics = metrics or WorkerMetrics()
        self._build = build or (lambda: model_from_spec(self._spec, self._spec.seed, store))
        self._model: Model | None = None
        self._warned_of_monitor = False
        self._linked = ""  #: the checkpoint that `best.h5` is another name of, as far as known
        self._orders: queue.Queue[_Order | None] = queue.Queue(maxsize=1)
        self._given_up = threading.Event()
        self._generation = 0
        self._refused: list[_Order] = []
        self._refused_lock = threading.Lock()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def go_on(self, generation: int) -> None:
        """Say that this process leads the next generation, too.

        What could not be recorded any more under the one before is recorded under this one.
        """
        with self._refused_lock:
            self._generation = generation
            refused, self._refused = self._refused, []
        for order in refused:
            self._orders.put(order)

    def step_done(self, model: Model, state: FitState, generation: int) -> None:
        """Write a checkpoint when one is due after this step; call it after each applied step."""
        every = self._spec.checkpoint.every_steps
        if every is not None and state.iterations % every == 0 and state.step:
            self._put(model, state, generation)

    def epoch_done(self, model: Model, state: FitState, generation: int) -> None:
        """Write a checkpoint when one is due after this epoch, or when it is the best so far.

        Call it with the cursor moved to the next epoch.
        """
        _, best = monitored(state, self._spec)
        if self._spec.monitor not in state.history:
            self._warn_of_monitor(state)
        every = self._spec.checkpoint.every_epochs
        if best or (every is not None and state.epoch % every == 0):
            self._put(model, state, generation)

    def make_up_for(self, snapshot: Snapshot, generation: int) -> None:
        """Write what an earlier first member did not get on record."""
        self._order(snapshot, generation)

    def write(self, model: Model, state: FitState, generation: int) -> None:
        """Write a checkpoint now and return when it is recorded: for a last member that has to leave.

        Raises:
            CheckpointError: It cannot be written.
        """
        self._put(model, state, generation)
        self.flush()
        if self._failure is not None:
            raise CheckpointError(f"no checkpoint could be written: {self._failure}") from self._failure

    def flush(self) -> None:
        """Return when everything so far is written."""
        self._orders.join()

    def close(self) -> None:
        """Write what is pending and end the thread."""
        self._orders.put(None)
        self._thread.join()

    def abandon(self) -> None:
        """End the thread without waiting for Redis to come back."""
        self._given_up.set()
        self.close()

    def __enter__(self) -> CheckpointWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def link_best(self, checkpoints: Sequence[Checkpoint]) -> None:
        """See to it that `best.h5` is the best checkpoint on record; who recorded it may not have got to it.

        Args:
            checkpoints: those on record, oldest first.
        """
        best, target = best_of(checkpoints), best_path(self._job)
        if best is None or best.path == self._linked or not Path(best.path).exists():
            return
        if not (target.exists() and target.samefile(best.path)):
            link_atomically(Path(best.path), target)
        self._linked = best.path

    def _put(self, model: Model, state: FitState, generation: int) -> None:
        self._order(Snapshot.of(model, state, self._spec), generation)

    def _order(self, snapshot: Snapshot, generation: int) -> None:
        if self._model is None:
            # In this thread: building draws random numbers, whose generators belong to the training thread.
            self._model = self._build()
        self._orders.put(_Order(snapshot, generation))

    def _warn_of_monitor(self, state: FitState) -> None:
        if not self._warned_of_monitor:
            self._warned_of_monitor = True
            known = ", ".join(state.history) or "none"
            self._warn(
                f"checkpoint.monitor: no {self._spec.monitor!r} tells the best checkpoint; there is: {known}"
            )

    def _run(self) -> None:
        while True:
            order = self._orders.get()
            try:
                if order is None:
                    return
                self._failure = None
                with self._metrics.timed(self._metrics.checkpoint):
                    self._write(order)
            except Exception as error:
                # Reported, not raised: training does not depend on this checkpoint.
                self._failure = error
                log.exception(
                    "a checkpoint could not be written", extra={"action": "checkpoint", "job": self._job.id}
                )
                self._warn(f"a checkpoint could not be written, training goes on: {error}")
            finally:
                self._orders.task_done()

    def _write(self, order: _Order) -> None:
        assert self._model is not None
        snapshot = order.snapshot
        model_file, sidecar = checkpoint_paths(self._job, snapshot.epoch, snapshot.step)
        model_file.parent.mkdir(parents=True, exist_ok=True)
        unpack(snapshot.packed, self._model)
        self._model.save(model_file)
        write_bytes(sidecar, snapshot.packed)
        checkpoint = Checkpoint(
            path=str(model_file),
            sidecar=str(sidecar),
            sha256=sha256_of(model_file),
            sidecar_sha256=hashlib.sha256(snapshot.packed).hexdigest(),
            epoch=snapshot.epoch,
            step=snapshot.step,
            iterations=snapshot.iterations,
            best=snapshot.best,
            value=snapshot.value,
        )
        if not self._record(order, checkpoint):
            log.info(
                "a checkpoint came too late: its generation is over",
                extra={"action": "checkpoint", "job": self._job.id, "generation": order.generation},
            )
            return
        checkpoints = patiently(lambda: self._store.checkpoints(self._job.id), self._given_up)
        self.link_best(checkpoints)
        self._forget_old(checkpoints)

    def _record(self, order: _Order, checkpoint: Checkpoint) -> bool:
        """Record a checkpoint; False when its generation is over, and this process does not lead the next."""
        tried = -1
        while True:
            with self._refused_lock:
                generation = max(order.generation, self._generation)
                if generation == tried:
                    self._refused.append(order)  # for `go_on`, if there is one
                    return False
            tried = generation
            if patiently(
                partial(self._store.record_checkpoint, self._job.id, generation, checkpoint), self._given_up
            ):
                return True

    def _forget_old(self, checkpoints: Sequence[Checkpoint]) -> None:
        for old in outdated(checkpoints, self._spec.checkpoint.keep):
            # Off the record first: what is on the record must exist.
            patiently(partial(self._store.forget_checkpoint, self._job.id, old.path), self._given_up)
            for file in (Path(old.path), Path(old.sidecar)):
                if file.parent == checkpoint_folder(self._job):
                    file.unlink(missing_ok=True)

    def _warn(self, message: str) -> None:
        try:
            patiently(
                lambda: self._store.emit(self._job.id, EventKind.WARNING, {"message": message}),
                self._given_up,
            )
        except StoreUnavailable:
            log.warning("a warning got lost: %s", message, extra={"action": "warn", "job": self._job.id})
