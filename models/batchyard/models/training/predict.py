"""Outputs for any number of rows, in batches of one fixed shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchyard.models.engine.symbolic import unpack_singleton
from batchyard.models.training.adapt import columns_of
from batchyard.models.training.allocator import prepare_memory
from batchyard.models.training.computation import computation_of
from batchyard.models.training.phase import testing
from batchyard.models.training.progress import shown_progress
from batchyard.models.training.states import expect_whole_batches
from batchyard.models.training.stepwise import check_steps, read_formulas

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model
    from batchyard.models.training.computation import Computation
    from batchyard.models.training.data import Columns

__all__ = ["predict", "predict_batch"]


#: Batches that need no copy are cut off the data so many at a time.
_VIEWED_TOGETHER = 256

#: Small batches that do are copied together, so many bytes at once.
_COPIED_TOGETHER = 1 << 20

#: The memory of a new tensor begins at a multiple of so many bytes.
_TENSOR_ALIGNMENT = 64


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
    return _predict_at_once(model, columns.lane(slice(0, columns.rows)).inputs, rows)


def _predict_at_once(model: Model, inputs: Sequence[Tensor], rows: int) -> list[NDArray[Any]]:
    prepare_memory()
    count = inputs[0].shape[0]
    with testing(model):
        outputs = _outputs(computation_of(model), model, inputs, rows)
        return [output[:count].contiguous().cpu().numpy() for output in outputs]


def _outputs(computation: Computation, model: Model, inputs: Sequence[Tensor], rows: int) -> list[Tensor]:
    """Computes the outputs of at least `rows` rows."""
    missing = rows - inputs[0].shape[0]
    if missing > 0:
        inputs = [torch.cat([x, x.new_zeros((missing, *x.shape[1:]))]) for x in inputs]
    return computation.outputs(model, inputs)


def _predict_whole(model: Model, x: Any, verbose: int, steps: int) -> Any:
    """Predicts all rows at each step, and joins what comes of them."""
    read = read_formulas(model, x)
    parts: list[list[NDArray[Any]]] = []
    with shown_progress(steps, verbose, "step") as progress:
        for _ in range(steps):
            columns = read()
            parts.append(_predict_at_once(model, columns.lane(slice(0, columns.rows)).inputs, 0))
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
    prepare_memory()
    with shown_progress(rows, verbose) as progress:
        prediction = _Prediction(model, rows, batch_size, progress)
        there = columns.inputs_to_view(batch_size) if model.only_reads_inputs else None
        together = _VIEWED_TOGETHER if there is not None else _copied_together(columns, batch_size)
        for start in range(0, rows, together * batch_size):
            cut = slice(start, min(start + together * batch_size, rows))
            # Nobody keeps copies: the next ones take their place, which the caches still hold.
            prediction.add([x[cut] for x in there] if there is not None else columns.lane(cut).inputs)
    return unpack_singleton(prediction.arrays())


class _Prediction:
    """The outputs of all rows, computed batch by batch.

    Args:
        model: built.
        rows: how many there are.
        batch_size: the last batch may have fewer rows.
        progress: called with the rows of each batch done.
    """

    def __init__(self, model: Model, rows: int, batch_size: int, progress: Callable[[int], None]) -> None:
        self._model = model
        self._computation = computation_of(model)
        self._rows = rows
        self._batch_size = batch_size
        self._size = min(batch_size, rows)  # few rows are not padded: nobody splits them
        self._progress = progress
        self._found: list[Tensor] = []
        self._done = 0

    def add(self, inputs: Sequence[Tensor]) -> None:
        """Computes one or more batches.

        Args:
            inputs: one tensor per input.
        """
        with testing(self._model) as told:
            for batch in zip(*(torch.split(x, self._batch_size) for x in inputs), strict=True):
                outputs = _outputs(self._computation, self._model, batch, self._size)
                told.forget()
                if not self._found:
                    self._found = [_room_for(output, self._rows) for output in outputs]
                start, count = self._done, batch[0].shape[0]
                for found, output in zip(self._found, outputs, strict=True):
                    found[start : start + count].copy_(output[:count] if count < self._size else output)
                self._done += count
                self._progress(count)

    def arrays(self) -> list[NDArray[Any]]:
        """Returns an array per output."""
        if not self._rows:
            return [
                np.empty((0, *(n or 0 for n in t.shape[1:])), dtype="float32") for t in self._model.outputs
            ]
        return [found.numpy() for found in self._found]


def _copied_together(columns: Columns, batch_size: int) -> int:
    """Returns how many batches to copy at once, each to where a new tensor could begin."""
    sizes = [
        batch_size * math.prod(x.shape[1:]) * dtype.itemsize
        for x, dtype in zip(columns.inputs, columns.input_dtypes, strict=True)
    ]
    if any(size % _TENSOR_ALIGNMENT for size in sizes):
        return 1
    largest: int = max(*sizes, 1)
    return max(1, _COPIED_TOGETHER // largest)


def _room_for(output: Tensor, rows: int) -> Tensor:
    """Returns a tensor in an array's memory, for so many rows such as those of an output."""
    dtype = output[:0].cpu().numpy().dtype
    return torch.from_numpy(np.empty((rows, *output.shape[1:]), dtype))
