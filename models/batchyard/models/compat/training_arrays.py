"""What `keras.engine.training_arrays` offers: loops over a function that is fed with arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from batchyard.models.callbacks import BaseLogger, CallbackList, History, ProgbarLogger
from batchyard.models.callbacks.progress_bar import Progbar
from batchyard.models.compat.training_utils import batch_shuffle, check_num_samples, make_batches
from batchyard.models.engine.symbolic import unpack_singleton
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.utils.generic_utils import slice_arrays, to_list

__all__ = ["fit_loop", "predict_loop", "test_loop"]

#: Takes a list of arrays, and returns a list of arrays.
Function = Callable[[list[Any]], Any]


def fit_loop(
    model: Any,
    f: Function,
    ins: Sequence[Any],
    out_labels: Sequence[str] | None = None,
    batch_size: int | None = None,
    epochs: int = 100,
    verbose: int = 1,
    callbacks: Sequence[Any] | None = None,
    val_f: Function | None = None,
    val_ins: Sequence[Any] | None = None,
    shuffle: Any = True,
    callback_metrics: Sequence[str] | None = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
) -> History:
    """Calls a function of your own batch by batch, with callbacks: `fit` for what `compile` cannot say.

    Args:
        model: for the callbacks; they may set its `stop_training`.
        f: makes a step, such as a `backend.function` with updates; returns one number per label.
        ins: arrays of one length; numbers among them are passed as they are.
        out_labels: names of what `f` returns.
        batch_size: rows of a batch; 32 by default.
        epochs: the epoch before which to stop.
        verbose: 0 for silence, 1 for a progress bar, 2 for a line per epoch.
        callbacks: called during training.
        val_f: called on `val_ins` after every epoch.
        val_ins: arrays.
        shuffle: True for a new order of rows, "batch" for a new order of batches.
        callback_metrics: names in the callbacks' `params`.
        initial_epoch: the number of the first epoch.
        steps_per_epoch: how often `f` is called in an epoch where it needs no arrays.
        validation_steps: likewise for `val_f`.

    Returns:
        The history.
    """
    if validation_steps is not None and steps_per_epoch is None:
        raise InvalidArgumentError("validation_steps goes with steps_per_epoch only.")
    labels = list(out_labels or ())
    samples = check_num_samples(ins, batch_size, steps_per_epoch, "steps_per_epoch")
    size = batch_size or 32
    history = History()
    validates = val_f is not None and val_ins is not None
    names = list(callback_metrics or (*labels, *(f"val_{name}" for name in labels if validates)))
    hooks = CallbackList([BaseLogger(), *(callbacks or ()), history])
    if verbose:
        hooks.append(ProgbarLogger("steps" if steps_per_epoch else "samples"))
    hooks.set_model(model)
    hooks.set_params(
        {
            "batch_size": size,
            "epochs": epochs,
            "steps": steps_per_epoch,
            "samples": samples,
            "verbose": verbose,
            "do_validation": validates,
            "metrics": names,
        }
    )
    model.stop_training = False
    hooks.on_train_begin()
    for epoch in range(initial_epoch, epochs):
        hooks.on_epoch_begin(epoch, {})
        rows = np.arange(samples or 0)
        if steps_per_epoch is None:
            rows = batch_shuffle(rows, size) if shuffle == "batch" else rows
            rows = np.random.permutation(rows) if shuffle is True else rows
            batches: list[Any] = [rows[start:end] for start, end in make_batches(len(rows), size)]
        else:
            batches = [None] * steps_per_epoch
        for number, batch in enumerate(batches):
            logs: dict[str, Any] = {"batch": number, "size": 1 if batch is None else len(batch)}
            hooks.on_batch_begin(number, logs)
            logs |= zip(labels, to_list(f(_fed(ins, batch)), allow_tuple=True), strict=False)
            hooks.on_batch_end(number, logs)
            if model.stop_training:
                break
        logs = {}
        if val_f is not None and val_ins is not None:
            values = to_list(_test_loop(model, val_f, val_ins, size, 0, validation_steps))
            logs |= zip((f"val_{name}" for name in labels), values, strict=False)
        hooks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    hooks.on_train_end()
    return history


def predict_loop(
    model: Any,
    f: Function,
    ins: Sequence[Any],
    batch_size: int | None = 32,
    verbose: int = 0,
    steps: int | None = None,
) -> Any:
    """Returns what a function returns for all rows, joined: an array, or a list of them.

    Args:
        model: accepted for Keras's sake.
        f: returns arrays.
        ins: arrays of one length; numbers among them are passed as they are.
        batch_size: rows of a batch; 32 by default.
        verbose: 1 for a progress bar.
        steps: how often `f` is called where it needs no arrays.
    """
    parts = [outputs for _, outputs in _outputs(f, ins, batch_size, verbose, steps)]
    return unpack_singleton([np.concatenate(arrays) for arrays in zip(*parts, strict=True)])


def _test_loop(
    model: Any,
    f: Function,
    ins: Sequence[Any],
    batch_size: int | None = None,
    verbose: int = 0,
    steps: int | None = None,
) -> Any:
    """Returns the means, over the rows, of what a function returns: a number, or a list of them.

    Args:
        model: accepted for Keras's sake.
        f: returns numbers.
        ins: arrays of one length; numbers among them are passed as they are.
        batch_size: rows of a batch; 32 by default.
        verbose: 1 for a progress bar.
        steps: how often `f` is called where it needs no arrays.
    """
    weights, values = [], []
    for rows, outputs in _outputs(f, ins, batch_size, verbose, steps):
        weights.append(rows)
        values.append([float(np.mean(one)) for one in outputs])
    means: list[float] = np.average(np.asarray(values), axis=0, weights=weights).tolist()
    return unpack_singleton(means)


def _outputs(f: Function, ins: Sequence[Any], batch_size: int | None, verbose: int, steps: int | None) -> Any:
    """Gives rows and outputs, batch by batch."""
    samples = check_num_samples(ins, None if steps else batch_size, steps)
    bar = Progbar(steps or samples) if verbose == 1 else None
    batches = (
        [None] * steps
        if steps
        else [*map(range, *zip(*make_batches(samples or 0, batch_size or 32), strict=True))]
    )
    done = 0
    for batch in batches:
        rows = 1 if batch is None else len(batch)
        yield rows, to_list(f(_fed(ins, batch)), allow_tuple=True)
        done += rows
        if bar is not None:
            bar.update(done)


def _fed(ins: Sequence[Any], rows: Any) -> list[Any]:
    """Cuts the rows of a batch out of arrays."""
    if rows is None:
        return list(ins)
    index = np.asarray(rows)
    return [one if isinstance(one, float | int) else slice_arrays(one, index) for one in ins]


#: Under this name tools for tests would take it for one.
test_loop = _test_loop
