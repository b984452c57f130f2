"""A model and its state at one moment, as bytes that another thread can write."""

from __future__ import annotations

from dataclasses import dataclass

from batchyard.models import Model
from batchyard.models.training import FitState, pack
from batchyard.scheduler.jobs.spec import JobSpec
from batchyard.workers.checkpoints.policy import is_best, resolve_mode

__all__ = ["Snapshot", "monitored"]


@dataclass(frozen=True)
class Snapshot:
    """A model and its state at one moment.

    Attributes:
        packed: both, by `batchyard.models.training.pack`.
        epoch: epochs finished.
        step: steps done of the epoch in progress; 0 at an epoch's end.
        iterations: steps since the job began.
        value: of the monitored quantity, when this is an epoch's end.
        best: whether that is the best so far.
    """

    packed: bytes
    epoch: int
    step: int
    iterations: int
    value: float | None
    best: bool

    @classmethod
    def of(cls, model: Model, state: FitState, spec: JobSpec) -> Snapshot:
        """Pack model and state as they are now."""
        value, best = monitored(state, spec)
        return cls(pack(model, state), state.epoch, state.step, state.iterations, value, best)


def monitored(state: FitState, spec: JobSpec) -> tuple[float | None, bool]:
    """Return the monitored quantity of an epoch that has just ended, and whether it is the best so far.

    Both follow from the history, so that all members agree, and a checkpoint that got lost counts too.
    """
    values = state.history.get(spec.monitor)
    if state.step or not values:
        return None, False
    return float(values[-1]), is_best(values, resolve_mode(spec.checkpoint.mode, spec.monitor))
