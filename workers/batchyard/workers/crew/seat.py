"""The life of a seat: from the claim of a seat task to the end of the job, through all generations."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import torch

from batchyard.models import Model
from batchyard.models.callbacks import CallbackList
from batchyard.models.training import FitState, fit_loop, unpack
from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.jobs.spec import JobSpec
from batchyard.scheduler.protocol import Crew, Member
from batchyard.scheduler.store import Claim
from batchyard.workers.callbacks import callbacks_from_spec
from batchyard.workers.checkpoints import CheckpointWriter, load_newest
from batchyard.workers.context import WorkerContext
from batchyard.workers.crew.decisions import Decisions
from batchyard.workers.crew.group import Group
from batchyard.workers.crew.handover import hand_over
from batchyard.workers.crew.interruption import CrewChanged, CrewInterruption, SeatLeft, SeatLost
from batchyard.workers.crew.lead import Lead
from batchyard.workers.crew.memory import FitMemory
from batchyard.workers.crew.rendezvous import MeetingPoint
from batchyard.workers.crew.strategy import CrewStrategy
from batchyard.workers.crew.watcher import Watcher
from batchyard.workers.errors import CheckpointError, TrainingFailed
from batchyard.workers.failures import one_line
from batchyard.workers.model_loading import model_from_spec
from batchyard.workers.progress import ProgressReporter
from batchyard.workers.sources import open_training
from batchyard.workers.task_runner import Outcome

__all__ = ["Seat", "run_seat"]

log = logging.getLogger(__name__)

#: Seconds between two looks whether the worker drains, while there is nothing to compute.
LOOK_EVERY = 0.1


def run_seat(claim: Claim, context: WorkerContext) -> Outcome:
    """Take part in a fit job's crew until the job or this worker's part in it ends.

    Args:
        claim: the seat.
        context: the worker.

    Returns:
        `done` when the job is finished, `released` when the seat is to be handed back, `refused` when it was
        taken from this worker.

    Raises:
        TrainingFailed: The computation raised: the job cannot succeed.
    """
    with Watcher(context.store, claim, context.incarnation) as watcher:
        try:
            memory = _open(claim, context)
            try:
                return Seat(claim, context, watcher, memory).run()
            finally:
                memory.close()
        except SeatLost:
            return "refused"
        except SeatLeft:
            return "released"


class Seat:
    """A seat with model and data at hand, going from generation to generation.

    Args:
        claim: the seat.
        context: the worker.
        watcher: of the job's crew.
        memory: what is kept between generations.
    """

    def __init__(self, claim: Claim, context: WorkerContext, watcher: Watcher, memory: FitMemory) -> None:
        self._job = claim.job
        self._task = claim.task
        self._spec = JobSpec.model_validate(claim.job.spec)
        self._context = context
        self._watcher = watcher
        self._memory = memory
        #: Seconds that a peer may be silent; doubles when it proves too short, as for very long steps.
        self._patience = self._spec.timeouts.peer
        self._last: Crew | None = None  #: the last generation that this process was part of
        #: Of the first member; stays open as long as this process is that.
        self._checkpoints: CheckpointWriter | None = None

    def run(self) -> Outcome:
        """Join one generation after the other.

        Raises:
            SeatLost: The seat is not this process's any more.
            SeatLeft: The worker drains, or the crew goes on without it.
            TrainingFailed: The computation raised.
        """
        try:
            with ProgressReporter(self._context.store, self._job.id) as reporter:
                crew = self._next_crew(0)
                while not self._take_part(crew, reporter):
                    crew = self._next_crew(crew.generation)
            return "done"
        except SeatLeft:
            self._pass_on()
            raise
        finally:
            self._close_checkpoints(wait=True)

    def _take_part(self, crew: Crew, reporter: ProgressReporter) -> bool:
        """Be a member of one generation; return whether the fit is finished."""
        member = crew.member(self._context.incarnation)
        if member is None or member.seat != self._task.id:
            if self._last is not None:
                raise SeatLeft("the crew goes on without this worker")
            return False  # formed before this seat was claimed
        self._last = crew
        self._watcher.watch(crew.generation)
        try:
            self._train(crew, member, reporter)
            return True
        except CrewChanged as change:
            log.info(
                "leaving generation %d: %s",
                crew.generation,
                change,
                extra={"action": "crew_changed", "job": self._job.id},
            )
            return False
        except StoreUnavailable as error:
            self._watcher.report_broken(crew.generation, f"Redis was away: {one_line(error)}")
            return False
        except (CrewInterruption, TrainingFailed):
            raise
        except Exception as error:
            raise TrainingFailed(f"{self._place()}: {_explain(error)}") from error

    def _next_crew(self, over: int) -> Crew:
        while True:
            crew = self._watcher.next_crew(over, LOOK_EVERY)
            if crew is not None:
                return crew
            if self._context.draining.is_set():
                # The crew would be formed without us anyway.
                raise SeatLeft("the worker leaves")

    def _train(self, crew: Crew, member: Member, reporter: ProgressReporter) -> None:
        """Meet the other members, come to the same state, train, and see to it that the result is written.

        Raises:
            CrewChanged: The generation is over.
            SeatLost: The seat is not this process's any more.
            SeatLeft: The worker drains.
        """
        context, memory, watcher = self._context, self._memory, self._watcher
        generation = crew.generation
        meeting = MeetingPoint(
            context.store.rendezvous(self._job.id, generation), watcher.check, self._patience
        )
        group = Group(
            member.rank,
            len(crew.members),
            meeting,
            watcher.check,
            lambda reason: self._broken(generation, reason),
            self._patience,
        )
        try:
            group.connect(context.address, context.device)
            hand_over(group, memory, self._begin)
            lead = self._lead(crew, member, reporter)
            strategy = CrewStrategy(
                group,
                [range(*one.lanes) for one in crew.members],
                self._spec.lanes,
                context.device,
                watcher,
                Decisions(context.store, self._job.id, generation, group, watcher, memory),
                lead,
                lambda: memory.keep_best(self._spec),
                context.draining,
                context.metrics,
            )
            fit_loop(
                memory.model,
                memory.data,
                epochs=self._spec.epochs,
                callbacks=memory.callbacks,
                strategy=strategy,
                state=memory.fit_state,
                validation=memory.validation,
                check_finite=self._spec.check_finite,
            )
            self._finish(lead)
        finally:
            group.drop()

    def _broken(self, generation: int, reason: str) -> None:
        if "imed out" in reason or "did not appear" in reason:
            self._patience *= 2
        self._watcher.report_broken(generation, reason)

    def _place(self) -> str:
        """Say where the training stands, for whoever reads why it failed."""
        state, data = self._memory.state, self._memory.data
        if state is None:
            return "before the first step"
        if state.epoch >= self._spec.epochs or state.stopped:
            return "after the last step"
        if state.step >= data.steps_per_epoch:
            return f"at the end of epoch {state.epoch + 1}"
        first = state.step * data.batch_size
        last = min(first + data.batch_size, data.samples) - 1
        rows = "of the data" if self._spec.shuffle is False else "in this epoch's order"
        return (
            f"epoch {state.epoch + 1}, step {state.step + 1} of {data.steps_per_epoch} "
            f"(rows {first} to {last} {rows})"
        )

    def _finish(self, lead: Lead | None) -> None:
        """Write the result, or wait until the first member has.

        Should that one be lost before, another generation forms, and its first member writes.
        """
        if lead is not None:
            if not lead.finish(self._memory.fit_state):
                raise CrewChanged("the result came too late: the generation is over")
            return
        try:
            while True:
                self._watcher.check()
                self._watcher.pause(LOOK_EVERY)
                if self._context.draining.is_set():
                    raise SeatLeft("the worker leaves; others write the result")
        except SeatLost:
            return  # the job has ended

    def _lead(self, crew: Crew, member: Member, reporter: ProgressReporter) -> Lead | None:
        context, memory = self._context, self._memory
        if member.rank != 0:
            self._close_checkpoints(wait=False)
            return None
        if self._checkpoints is None:
            self._checkpoints = CheckpointWriter(context.store, self._job, metrics=context.metrics)
        lead = Lead(
            context.store,
            self._job,
            self._spec,
            crew.generation,
            len(crew.members),
            memory.model,
            memory.data,
            self._watcher,
            reporter,
            self._checkpoints,
            context.metrics,
        )
        lead.begin(memory.fit_state, memory.best)
        memory.best = None
        return lead

    def _close_checkpoints(self, *, wait: bool) -> None:
        writer, self._checkpoints = self._checkpoints, None
        if writer is None:
            return
        if wait:
            writer.abandon()
        else:
            threading.Thread(target=writer.abandon, name="checkpoints-close", daemon=True).start()

    def _begin(self) -> FitState:
        """Bring the model to where the job begins or goes on: nobody in the crew has a state."""
        context, memory = self._context, self._memory
        found = load_newest(context.store, self._job)
        if found is not None:
            state = unpack(found.state, memory.model)
            log.info(
                "going on from the checkpoint %s",
                found.checkpoint.path,
                extra={"action": "begin", "job": self._job.id},
            )
            return state
        initial = Path(self._job.directory) / "initial.h5"
        if initial.exists():
            memory.model.load_weights(initial)
        else:
            memory.model.save(initial)
        return FitState(seed=self._spec.seed)

    def _pass_on(self) -> None:
        """Before leaving: write a checkpoint if nobody stays who knows what this member knows."""
        state, present = self._memory.state, self._watcher.crew
        if state is None or self._last is None or not state.iterations:
            return
        here = self._context.incarnation
        colleagues = {member.incarnation for member in self._last.members} - {here}
        staying = {member.incarnation for member in present.members}
        if here not in staying and colleagues & staying:
            return
        try:
            with CheckpointWriter(self._context.store, self._job, metrics=self._context.metrics) as writer:
                writer.write(self._memory.model, state, present.generation)
        except CheckpointError as error:
            log.warning(
                "leaving without a last checkpoint: %s",
                error,
                extra={"action": "pass_on", "job": self._job.id},
            )


def _open(claim: Claim, context: WorkerContext) -> FitMemory:
    """Build the model under the job's seed, and open the data.

    Raises:
        TrainingFailed: One of them cannot be had.
    """
    spec = JobSpec.model_validate(claim.job.spec)
    try:
        model = model_from_spec(spec, spec.seed, context.store).to(context.device)
        data, validation = open_training(spec, model, context.device)
        callbacks = CallbackList(callbacks_from_spec(spec, Path(claim.job.directory)))
    except (CrewInterruption, StoreUnavailable):
        raise
    except Exception as error:
        raise TrainingFailed(_explain(error)) from error
    callbacks.set_model(model)
    callbacks.set_params(_params(spec, model, data.samples, data.steps_per_epoch, validation is not None))
    return FitMemory(model, data, validation, callbacks)


def _explain(error: Exception) -> str:
    """Return an error in one line, with a hint where memory ran out."""
    text = one_line(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in text:
        text += "; the model or batch does not fit into memory: take a smaller batch_size or more lanes"
    return text


def _params(spec: JobSpec, model: Model, samples: int, steps: int, validated: bool) -> dict[str, object]:
    names = list(model.metrics_names)
    return {
        "batch_size": spec.batch_size,
        "epochs": spec.epochs,
        "steps": steps,
        "samples": samples,
        "verbose": 0,
        "do_validation": validated,
        "metrics": names + ([f"val_{name}" for name in names] if validated else []),
    }
