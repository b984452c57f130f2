"""The one training loop: for `fit` in a notebook and for a crew of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchyard.models.training.data import EvaluationData, TrainingData
from batchyard.models.training.state import FitState
from batchyard.models.training.strategy import Strategy

if TYPE_CHECKING:
    from batchyard.models.callbacks.callback_list import CallbackList
    from batchyard.models.engine.model import Model

__all__ = ["fit_loop"]


def fit_loop(
    model: Model,
    data: TrainingData,
    *,
    epochs: int,
    callbacks: CallbackList,
    strategy: Strategy,
    state: FitState,
    validation: EvaluationData | None = None,
    check_finite: bool = False,
) -> FitState:
    """Trains from where `state` stands until `epochs` are done or training is stopped.

    It can be entered with any state at a step boundary: fresh, from a checkpoint, or after a crew has
    changed. An exception of the strategy leaves model and state at a step boundary, so the same process may
    call it again with the same state.

    Args:
        model: built and compiled.
        data: the training rows.
        epochs: the number of the epoch before which to stop (not a number of further epochs).
        callbacks: with model and params set.
        strategy: who computes and sums the lanes.
        state: changed in place.
        validation: evaluated at the end of every epoch.
        check_finite: raise `NonFiniteLoss` at the first loss that is NaN or infinite, before it is applied.

    Returns:
        `state`.
    """
    raise NotImplementedError
