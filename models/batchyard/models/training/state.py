"""Where a `fit` stands, and the bytes from which another process goes on with the same bits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

from batchyard.models.callbacks.state import CallbackState

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["FitState", "pack", "unpack"]


@dataclass
class FitState:
    """The cursor and the books of a `fit`, always at a step boundary.

    Weights and optimizer state are not here but in the model; `pack` takes both.

    Attributes:
        seed: the job's seed: order of rows and randomness of lanes follow from it.
        epoch: the epoch of the next step.
        step: the next step within the epoch.
        epoch_begun: whether the callbacks' `on_epoch_begin` was called for `epoch`.
        iterations: steps applied since the job began.
        sums: running sums of the current epoch, float64, laid out like `LaneResult.sums`, on the model's
            device; None before the epoch's first step.
        history: per log name, one value per finished epoch.
        epochs: the finished epochs.
        stopping: a member asked to stop: no further step of this epoch runs, only its end.
        stopped: training is over before its last epoch.
        stop_reason: why, in words.
        callbacks: the state of each callback at the end of the last finished epoch.
    """

    seed: int
    epoch: int = 0
    step: int = 0
    epoch_begun: bool = False
    iterations: int = 0
    sums: Tensor | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    epochs: list[int] = field(default_factory=list)
    stopping: bool = False
    stopped: bool = False
    stop_reason: str | None = None
    callbacks: list[CallbackState] = field(default_factory=list)


def pack(model: Model, state: FitState) -> bytes:
    """Writes everything that a replacement needs to go on with the same bits.

    That is: all weights, the optimizer's slots, hyper-parameters and iteration count, the cursor, running
    sums, history, and the callbacks' states with their arrays. No pickle; equal states give equal bytes.
    """
    raise NotImplementedError


def unpack(data: bytes, model: Model) -> FitState:
    """Puts what `pack` wrote into `model` (built and compiled alike) and returns the state.

    The model is changed only after everything was checked.

    Raises:
        StateError: if the bytes are damaged, of another version, or of another model.
    """
    raise NotImplementedError
