"""`Model.fit`: from arrays and arguments to the one loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from batchyard.models.backend.configuration import floatx
from batchyard.models.callbacks import CallbackList, History, ProgbarLogger
from batchyard.models.errors import DataError, InvalidArgumentError
from batchyard.models.training.adapt import columns_of
from batchyard.models.training.compile import warn_of_changed_freezing
from batchyard.models.training.data import (
    ArrayData,
    ArrayEvaluation,
    Columns,
    EvaluationData,
    TrainingData,
)
from batchyard.models.training.loop import fit_loop
from batchyard.models.training.randomness import draw_seed
from batchyard.models.training.state import FitState
from batchyard.models.training.stepwise import WholeEvaluation, WholeTraining, check_steps, read_formulas
from batchyard.models.training.strategy import LocalStrategy
from batchyard.models.training.validation_epochs import ValidationFrequency, check_frequency

if TYPE_CHECKING:
    from batchyard.models.callbacks.base import Callback
    from batchyard.models.engine.model import Model

__all__ = ["fit", "train"]


def fit(
    model: Model,
    x: Any,
    y: Any,
    *,
    batch_size: int | None,
    epochs: int,
    verbose: int,
    callbacks: Sequence[Callback] | None,
    validation_split: float,
    validation_data: Any,
    shuffle: bool | str,
    class_weight: Any,
    sample_weight: Any,
    initial_epoch: int,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    lanes: int,
    validation_freq: ValidationFrequency = 1,
) -> History:
    """Is `Model.fit`; see there for the arguments."""
    if not model.is_compiled:
        model.compiled  # noqa: B018 - raises NotCompiledError
    check_frequency(validation_freq)
    if shuffle not in (True, False, "batch"):
        raise InvalidArgumentError(f"shuffle must be True, False or 'batch'. Received: {shuffle!r}.")
    check_steps("steps_per_epoch", steps_per_epoch, x, y)
    given = (x, y, sample_weight, class_weight)
    data: TrainingData
    validation: EvaluationData | None
    if steps_per_epoch is not None and batch_size is None:
        data, validation = _whole(
            model, given, steps_per_epoch, validation_split, validation_data, validation_steps or 1
        )
        facts: dict[str, Any] = {"batch_size": None}
    else:
        size = batch_size or 32
        columns, held_out = _validation(model, columns_of(model, *given), validation_split, validation_data)
        data = ArrayData(columns, size, shuffle)  # type: ignore[arg-type]
        if steps_per_epoch is not None:
            data.limit(steps_per_epoch)
        facts = {"batch_size": size, "samples": data.samples}
        validation = None
        if held_out is not None:
            validation = ArrayEvaluation(held_out, size)
            if validation_steps is not None:
                validation.limit(validation_steps)
    return train(
        model,
        data,
        validation,
        callbacks,
        epochs=epochs,
        initial_epoch=initial_epoch,
        verbose=verbose,
        lanes=lanes,
        facts=facts,
        validation_freq=validation_freq,
    )


def train(
    model: Model,
    data: TrainingData,
    validation: EvaluationData | None,
    callbacks: Sequence[Callback] | None,
    *,
    epochs: int,
    initial_epoch: int,
    verbose: int,
    lanes: int,
    facts: Mapping[str, Any],
    validation_freq: ValidationFrequency = 1,
) -> History:
    """Enters the loop with the callbacks of a notebook's training run: what `fit`s have in common.

    Args:
        model: compiled.
        data: the training rows.
        validation: evaluated at the end of every epoch.
        callbacks: the user's.
        epochs: the epoch before which to stop.
        initial_epoch: the number of the first epoch.
        verbose: 0, 1 or 2.
        lanes: logical shards of each batch.
        facts: what callbacks are told besides. If it says how many samples there are, progress counts those,
            and callbacks are told no number of steps, as in Keras.
        validation_freq: as in `Model.fit`.
    """
    warn_of_changed_freezing(model)
    history = History()
    counted = "samples" in facts
    bar = [ProgbarLogger("samples" if counted else "steps")] if verbose else []
    called = CallbackList([*bar, *(callbacks or ()), history])
    called.set_model(model)
    if isinstance(validation, ArrayEvaluation):
        for callback in called:
            callback.validation_data = _arrays(validation.columns)
    called.set_params(
        {
            **facts,
            "epochs": epochs,
            "steps": None if counted else data.steps_per_epoch,
            "verbose": verbose,
            "do_validation": validation is not None,
            "metrics": _log_names(model, validation is not None or not counted),
        }
    )
    state = FitState(seed=draw_seed(), epoch=initial_epoch)
    model.history = history
    try:
        fit_loop(
            model,
            data,
            epochs=epochs,
            callbacks=called,
            strategy=LocalStrategy(lanes),
            state=state,
            validation=validation,
            validation_freq=validation_freq,
        )
    finally:
        model.eval()  # called on its own, a model acts as in test
    return history


def _arrays(columns: Columns) -> list[Any]:
    """Returns inputs, targets and sample weights, as Keras gave them to callbacks."""
    ones = np.ones(columns.rows, dtype=floatx())
    weights = [ones if weight is None else weight for weight in columns.sample_weights]
    return [*columns.inputs, *columns.targets, *weights]


def _log_names(model: Model, validated: bool) -> list[str]:
    names = model.metrics_names
    return names + ([f"val_{name}" for name in names] if validated else [])


def _whole(
    model: Model,
    given: tuple[Any, ...],
    steps: int,
    split: float,
    validation_data: Any,
    validation_steps: int,
) -> tuple[TrainingData, EvaluationData | None]:
    """Returns what to train and evaluate on if each step takes all rows; see `fit` for the arguments."""
    read = read_formulas(model, *given)
    if validation_data is not None:
        _check_pair(validation_data)
        return WholeTraining(read, steps), WholeEvaluation(
            read_formulas(model, *validation_data), validation_steps
        )
    if not split:
        return WholeTraining(read, steps), None
    columns, held_out = _validation(model, read(), split, None)
    assert held_out is not None  # there is a split
    return WholeTraining(lambda: columns, steps), WholeEvaluation(lambda: held_out, validation_steps)


def _check_pair(given: Any) -> None:
    if not isinstance(given, list | tuple) or len(given) not in (2, 3):
        raise DataError(
            f"validation_data must be (x, y) or (x, y, sample_weight). Received: {type(given).__name__}"
            f"{f' of length {len(given)}' if isinstance(given, list | tuple) else ''}."
        )


def _validation(model: Model, columns: Columns, split: float, given: Any) -> tuple[Columns, Columns | None]:
    """Returns the rows to train on and those to evaluate on."""
    if given is not None:
        _check_pair(given)
        return columns, columns_of(model, *given)
    if not split:
        return columns, None
    if not 0.0 < split < 1.0:
        raise InvalidArgumentError(f"validation_split must be at least 0 and below 1. Received: {split}.")
    at = int(columns.rows * (1.0 - split))
    if at < 1 or at == columns.rows:
        raise DataError(
            f"validation_split={split} of {columns.rows} rows leaves {at} rows to train on and "
            f"{columns.rows - at} to "
            "evaluate on: both need at least one. Use another fraction or validation_data."
        )
    return columns.split(at)
