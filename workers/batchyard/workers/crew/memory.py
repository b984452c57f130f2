"""What a member keeps in memory from one generation to the next."""

from __future__ import annotations

from dataclasses import dataclass

from batchyard.models import Model
from batchyard.models.callbacks import CallbackList
from batchyard.models.training import EvaluationData, FitState, TrainingData
from batchyard.scheduler.jobs.spec import JobSpec
from batchyard.workers.checkpoints import Snapshot, monitored

__all__ = ["FitMemory", "Staged"]


@dataclass(frozen=True)
class Staged:
    """Arrays that belong to a decision, received before the decision was written down.

    Attributes:
        epoch: the epoch that the decision ends.
        decision: its text.
        payload: the arrays, as `crew.payload` packs them.
    """

    epoch: int
    decision: str
    payload: bytes


@dataclass
class FitMemory:
    """A job as this process has it; at every safe point it stands at a step boundary.

    Attributes:
        model: compiled.
        data: what is trained on.
        validation: what is validated on.
        callbacks: those of the job.
        state: where the fit stands; None: not known yet, then the model's weights mean nothing either.
        staged: of the decision in progress.
        best: the last epoch's end that was the best so far, for as long as it may not be on record: the
            first member writes it in the background, and can be lost before it is done.
    """

    model: Model
    data: TrainingData
    validation: EvaluationData | None
    callbacks: CallbackList
    state: FitState | None = None
    staged: Staged | None = None
    best: Snapshot | None = None

    @property
    def fit_state(self) -> FitState:
        """The state, once there is one."""
        if self.state is None:
            raise RuntimeError("the fit's state was asked for before it was handed over")
        return self.state

    @property
    def cursor(self) -> tuple[int, int]:
        """How far this process has come: (steps applied, epoch). The larger, the newer; (-1, -1): no state.

        The epoch is part of it since a decision moves on without a step.
        """
        return (-1, -1) if self.state is None else (self.state.iterations, self.state.epoch)

    def keep_best(self, spec: JobSpec) -> None:
        """Remember the epoch that has just ended if it is the best so far."""
        if monitored(self.fit_state, spec)[1]:
            self.best = Snapshot.of(self.model, self.fit_state, spec)

    def close(self) -> None:
        """Close files and end reading ahead."""
        for source in (self.data, self.validation):
            close = getattr(source, "close", None)
            if close is not None:
                close()
