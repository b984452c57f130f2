"""Outputs for any number of rows, in batches of one fixed shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchyard.models.engine.step_context import collecting
from batchyard.models.engine.symbolic import unpack_singleton
from batchyard.models.training.adapt import columns_of
from batchyard.models.training.allocator import prepare_memory
from batchyard.models.training.computation import computation_of
from batchyard.models.training.phase import phase_scope
from batchyard.models.training.progress import shown_progress
from batchyard.models.training.states import expect_whole_batches
from batchyard.models.training.stepwise import check_steps, read_formulas

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["predict", "predict_batch"]


def predict_batch(model: Model, inputs: Any, rows: int) -> list[NDArray[Any]]:
    """Computes the outputs of one batch in a fixed shape, so that a row's bits do not depend on the split.

    Args:
        model: built.
        inputs: array or tensor, or a list with one per input; at most `rows` rows.
        rows: the batch's size; missing rows are filled with zeros, and cut off the outputs.

    Returns:
        one array per output.
    """
    columns = columns_of(model, inputs)
    count = columns.rows
    return [output.numpy() for output in _outputs(model, columns.lane(slice(0, count)).inputs, count, rows)]


def _outputs(model: Model, inputs: Sequence[Tensor], count: int, rows: int) -> list[Tensor]:
    prepare_memory()
    if count < rows:
        inputs = [torch.cat([x, x.new_zeros((rows - count, *x.shape[1:]))]) for x in inputs]
    with computation_of(model).without_gradients(), phase_scope(model, False), collecting():
        return [output[:count].contiguous().cpu() for output in computation_of(model).outputs(model, inputs)]


def _predict_whole(model: Model, x: Any, verbose: int, steps: int) -> Any:
    """Predicts all rows at each step, and joins what comes of them."""
    read = read_formulas(model, x)
    parts: list[list[NDArray[Any]]] = []
    with shown_progress(steps, verbose, "step") as progress:
        for _ in range(steps):
            columns = read()
            inputs, rows = columns.lane(slice(0, columns.rows)).inputs, columns.rows
            parts.append([output.numpy() for output in _outputs(model, inputs, rows, rows)])
            progress(1)
    return unpack_singleton([np.concatenate(outputs) for outputs in zip(*parts, strict=True)])


def predict(model: Model, x: Any, batch_size: int | None, verbose: int, steps: int | None) -> Any:
    """Is `Model.predict`."""
    check_steps("steps", steps, x)
    if steps is not None and batch_size is None:
        return _predict_whole(model, x, verbose, steps)
    batch_size = batch_size or 32
    columns = columns_of(model, x)
    rows = columns.rows
    if steps is not None:
        rows = min(rows, steps * batch_size)
    expect_whole_batches(model, rows, batch_size)
    size = min(batch_size, rows)  # few rows are not padded: nobody splits them
    results: list[NDArray[Any]] | None = None
    with shown_progress(rows, verbose) as progress:
        for start in range(0, rows, batch_size):
            stop = min(start + batch_size, rows)
            outputs = _outputs(model, columns.lane(slice(start, stop)).inputs, stop - start, size)
            if results is None:
                results = [np.empty((rows, *o.shape[1:]), dtype=o.numpy().dtype) for o in outputs]
            for result, output in zip(results, outputs, strict=True):
                result[start:stop] = output.numpy()
            progress(stop - start)
    if results is None:
        results = [np.empty((0, *(n or 0 for n in t.shape[1:])), dtype="float32") for t in model.outputs]
    return unpack_singleton(results)
