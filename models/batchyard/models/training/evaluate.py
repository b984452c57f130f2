"""Loss and metrics in test mode: sums that can be added up in any number of parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchyard.models.engine.states import state_keepers
from batchyard.models.metrics.stateful import refuse_with_lanes
from batchyard.models.training.adapt import columns_of
from batchyard.models.training.allocator import prepare_memory
from batchyard.models.training.computation import computation_of
from batchyard.models.training.data import (
    ArrayEvaluation,
    EvaluationData,
    GlobalBatch,
    Lane,
    TensorBatch,
    lanes_of,
)
from batchyard.models.training.objectives import ForwardPass, counts_length, mask_counts, shares_of
from batchyard.models.training.phase import phase_scope, testing
from batchyard.models.training.progress import shown_progress
from batchyard.models.training.states import keep_lane_states, lane_states, states_length
from batchyard.models.training.stepwise import WholeEvaluation, check_steps, read_formulas
from batchyard.models.training.strategy import LocalStrategy, Strategy

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["evaluate", "evaluate_batch", "evaluation_logs", "finish_sums"]


def evaluate_batch(
    model: Model, inputs: Any, targets: Any, sample_weights: Any = None
) -> NDArray[np.float64]:
    """Evaluates one batch.

    Args:
        model: compiled.
        inputs: array or tensor, or a list with one per input.
        targets: likewise, one per output.
        sample_weights: likewise, or None.

    Returns:
        `[rows, loss sum, metric sums …]` in the order of `metrics_names`; sums of batches add up to those of
        the whole.
    """
    prepare_memory()
    batch = TensorBatch(columns_of(model, inputs, targets, sample_weights))
    whole = slice(0, batch.rows)
    done = _forward(model, batch.lane(whole), whole)
    sums: NDArray[np.float64] = _finish(model, batch, done, _penalties(model), None).cpu().numpy()
    return sums


def finish_sums(model: Model, sums: Sequence[float] | NDArray[np.float64]) -> dict[str, float]:
    """Turns the sums over all batches into loss and metrics by name.

    Args:
        model: compiled.
        sums: `[rows, loss sum, metric sums …]`.
    """
    rows, *values = (float(value) for value in sums)
    names = model.compiled.metrics_names
    return {name: value / rows for name, value in zip(names, values, strict=True)}


def _penalties(model: Model) -> list[Tensor]:
    with computation_of(model).without_gradients(), phase_scope(model, False):
        return model.penalties


def _forward(model: Model, data: Lane, rows: slice, batch_rows: int | None = None) -> ForwardPass:
    """Computes the outputs of some rows of a batch; of how many is told to stateful layers, if not of all."""
    masks: list[Tensor | None] = []
    asked = masks if model.compiled.masked else None
    with testing(model) as context:
        if batch_rows is not None:
            context.rows, context.batch_rows = rows, batch_rows
        outputs = computation_of(model).outputs(model, data.inputs, asked)
    return ForwardPass(outputs, masks, data, rows.stop - rows.start, context)


def _finish(
    model: Model, batch: GlobalBatch, done: ForwardPass, penalties: Sequence[Tensor], counts: Tensor | None
) -> Tensor:
    """Computes the sums that belong to a forward pass; see `shares_of` for penalties and counts.

    Returns:
        float64 `[rows, loss sum, metric sums …]` on the model's device.
    """
    # Out of the forward pass's scope: metrics that count over batches change their variables at once.
    with computation_of(model).without_gradients(), phase_scope(model, False):
        values = shares_of(model.compiled, done, batch.rows, batch.denominators, penalties, counts).values
        one, factors = _factors(done.rows, batch.rows, len(values), values[0].dtype, values[0].device)
        return torch.stack([one, *values]).to(torch.float64).mul_(factors)


@lru_cache(maxsize=64)
def _factors(
    rows: int, batch_rows: int, count: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Returns 1, and by what it and the shares of the batch's means are multiplied to make sums."""
    factors = torch.tensor([rows] + [batch_rows] * count, dtype=torch.float64, device=device)
    return torch.ones((), dtype=dtype, device=device), factors


def _sums_of_lanes(
    model: Model, batch: GlobalBatch, strategy: Strategy, penalties: Sequence[Tensor]
) -> Iterator[tuple[int, slice, Tensor]]:
    """Evaluates the owned lanes of a batch."""
    cut = lanes_of(batch, strategy.lanes, strategy.owned_lanes)
    told = batch.rows if strategy.lanes > 1 else None
    passes = ((lane, rows, _forward(model, batch.lane(rows), rows, told)) for lane, rows in cut)
    counts: Tensor | None = None
    if strategy.lanes > 1 and model.compiled.masked:
        # What the loss is divided by is known only when all lanes have their masks.
        kept = list(passes)
        passes = iter(kept)  # type: ignore[assignment]
        mine = {lane: mask_counts(model.compiled, done) for lane, _, done in kept}
        counts = strategy.reduce_sums(mine, counts_length(model.compiled))
    for lane, rows, done in passes:
        yield lane, rows, _finish(model, batch, done, [] if lane else penalties, counts)


def evaluation_logs(
    model: Model,
    data: EvaluationData,
    strategy: Strategy,
    steps: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, float]:
    """Evaluates all batches, each cut into lanes: each lane adds up its own, then one sum along the tree.

    Args:
        model: compiled.
        data: the rows.
        strategy: who computes which lanes.
        steps: batches; all by default.
        progress: called after each batch with its rows.
    """
    refuse_with_lanes(model.compiled.running_metrics, strategy.lanes)
    prepare_memory()
    model.compiled.reset_metrics()
    penalties = _penalties(model)
    keepers = state_keepers(model) if strategy.lanes > 1 else []
    totals: dict[int, Tensor] = {}
    places: dict[int, slice] = {}
    for step in range(data.steps if steps is None else min(steps, data.steps)):
        batch = data.batch(step)
        for lane, rows, sums in _sums_of_lanes(model, batch, strategy, penalties):
            totals[lane] = totals[lane] + sums if lane in totals else sums
            places[lane] = rows
        if progress is not None:
            progress(batch.rows)
    if keepers:  # each lane has gone on with the states of its rows; now all get to know them
        totals = {
            lane: torch.cat([sums, lane_states(keepers, places[lane], sums)]) for lane, sums in totals.items()
        }
    length = 1 + len(model.compiled.metrics_names)
    total = strategy.reduce_sums(totals, length + states_length(keepers))
    keep_lane_states(keepers, total[length:])
    return finish_sums(model, total[:length].cpu().numpy())


def evaluate(
    model: Model, x: Any, y: Any, batch_size: int | None, verbose: int, sample_weight: Any, steps: int | None
) -> float | list[float]:
    """Is `Model.evaluate`."""
    check_steps("steps", steps, x, y)
    if steps is not None and batch_size is None:
        whole = WholeEvaluation(read_formulas(model, x, y, sample_weight), steps)
        with shown_progress(steps, verbose, "step") as progress:
            logs = evaluation_logs(model, whole, LocalStrategy(), progress=lambda rows: progress(1))
    else:
        size = batch_size or 32
        data = ArrayEvaluation(columns_of(model, x, y, sample_weight), size)
        rows = data.samples if steps is None else min(data.samples, steps * size)
        with shown_progress(rows, verbose) as progress:
            logs = evaluation_logs(model, data, LocalStrategy(), steps, progress)
    values = list(logs.values())
    return np.float64(values[0]) if len(values) == 1 else values  # a number with a shape, as Keras gives
