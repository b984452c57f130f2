"""The one training loop: for `fit` in a notebook and for a crew of any size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from batchyard.models.engine.states import current_states, restore_states
from batchyard.models.errors import NonFiniteLoss
from batchyard.models.training.allocator import prepare_memory
from batchyard.models.training.data import EvaluationData, TrainingData
from batchyard.models.training.evaluate import evaluation_logs
from batchyard.models.training.lanes import FLAG_STOP_AT, LOSS_AT, ROWS_AT, LaneResult
from batchyard.models.training.logs import LazyLogs, means
from batchyard.models.training.state import FitState
from batchyard.models.training.step import TrainStep
from batchyard.models.training.strategy import Strategy
from batchyard.models.training.validation_epochs import ValidationFrequency, is_validated

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
    validation_freq: ValidationFrequency = 1,
) -> FitState:
    """Trains from where `state` stands until `epochs` are done or training is stopped.

    It can be entered with any state at a step boundary: fresh, from a checkpoint, or after a crew has
    changed. An exception of the strategy leaves model and state at a step boundary, so the same process may
    call it again with the same state. `on_epoch_begin` is called once for each epoch, not again when an epoch
    is gone on with.

    Args:
        model: built and compiled.
        data: the training rows.
        epochs: the number of the epoch before which to stop (not a number of further epochs).
        callbacks: with model and params set.
        strategy: who computes and sums the lanes.
        state: changed in place.
        validation: evaluated at the end of epochs.
        check_finite: raise `NonFiniteLoss` at the first loss that is NaN or infinite, before the step is
            applied.
        validation_freq: as in `Model.fit`; at the end of every epoch by default.

    Returns:
        `state`.
    """
    prepare_memory()
    step = TrainStep(model, strategy.lanes)
    stop = _StopFlag()
    model.stop_training = state.stopped
    callbacks.on_train_begin()
    if state.callbacks:
        callbacks.set_states(state.callbacks)
    while state.epoch < epochs and not state.stopped:
        data.begin_epoch(state.epoch, state.seed)
        if not state.epoch_begun:
            model.compiled.reset_metrics()
            callbacks.on_epoch_begin(state.epoch, {})
            state.epoch_begun = True
        while state.step < data.steps_per_epoch and not state.stopping:
            number, batch = state.step, data.batch(state.step)
            if callbacks.has_batch_hooks:
                callbacks.on_batch_begin(number, {"batch": number, "size": batch.rows})
            if strategy.lanes > 1:
                strategy.lane_spec = step.spec(batch, state.seed)
            wish = strategy.should_stop() or model.stop_training
            total = strategy.reduce(
                step.results(
                    batch, state.seed, state.epoch, number, strategy.owned_lanes, wish, strategy.reduce_sums
                )
            )
            if check_finite:
                _check_finite(total, state)
            step.apply(total)
            state.advance(total.sums)
            alone = len(strategy.owned_lanes) == strategy.lanes
            state.stopping = wish if alone else stop.is_up(total.sums)
            if callbacks.has_batch_hooks:
                logs = LazyLogs(number, batch.rows, model.compiled.metrics_names, total.sums, state.sums)
                callbacks.on_batch_end(number, logs)
                state.stopping |= strategy.stops_at_once and model.stop_training
            strategy.step_done(state)
        due = is_validated(validation_freq, state.epoch)
        _end_epoch(model, callbacks, strategy, state, validation if due else None)
    callbacks.on_train_end()
    return state


def _end_epoch(
    model: Model,
    callbacks: CallbackList,
    strategy: Strategy,
    state: FitState,
    validation: EvaluationData | None,
) -> None:
    """Validates, lets the callbacks decide once, applies the decision, and moves the cursor."""
    logs: dict[str, float] = {}
    with _undone_on_failure(model, callbacks, strategy):
        if validation is not None:
            found = evaluation_logs(model, validation, strategy)
            logs = {f"val_{name}": value for name, value in found.items()}
        if state.sums is not None:
            logs.update(means(model.compiled.metrics_names, state.sums))
        decision = strategy.decide(state.epoch, lambda: callbacks.decide(state.epoch, logs))
        arrays = strategy.share(decision, model, callbacks)
    callbacks.apply(decision, arrays)
    state.end_epoch(decision.logs, callbacks.get_states())
    if decision.stop or state.stopping:
        state.stopped = True
        state.stop_reason = decision.reason or (None if decision.stop else "stopped on request")
    strategy.epoch_done(state)


@contextmanager
def _undone_on_failure(model: Model, callbacks: CallbackList, strategy: Strategy) -> Iterator[None]:
    """Takes back what happened at an epoch's end, if its decision gets lost.

    That is: to recurrent states in validation, and to the weights by callbacks of unknown kinds.
    """
    if not strategy.decision_can_fail:
        yield
        return
    states = current_states(model)
    unknown = any(not (callback.observes_only or callback.follows_exactly) for callback in callbacks)
    weights = model.get_layer_weights() if unknown else []
    before = [weight.detach().clone() for weight in weights]
    try:
        yield
    except BaseException:
        restore_states(model, states)
        with torch.no_grad():
            for weight, value in zip(weights, before, strict=True):
                weight.copy_(value)
        raise


def _check_finite(total: LaneResult, state: FitState) -> None:
    rows, loss = total.sums[ROWS_AT], total.sums[LOSS_AT]
    if not bool(torch.isfinite(loss)):
        raise NonFiniteLoss(state.epoch, state.step, float(loss / rows))


class _StopFlag:
    """Reads the flag in the steps' sums without making a step wait for its own result on a GPU."""

    def __init__(self) -> None:
        self._before: tuple[Tensor, torch.Event] | None = None

    def is_up(self, sums: Tensor) -> bool:
        """Whether a member wished to stop: in this step on a CPU, in the one before on a GPU."""
        if sums.device.type == "cpu":
            return sums[FLAG_STOP_AT].item() > 0
        before = self._before
        flag = torch.empty((), dtype=sums.dtype, pin_memory=True)
        flag.copy_(sums[FLAG_STOP_AT], non_blocking=True)
        copied = torch.Event("cuda")
        copied.record()
        self._before = (flag, copied)
        if before is None:
            return False
        before[1].synchronize()
        return bool(before[0] > 0)
