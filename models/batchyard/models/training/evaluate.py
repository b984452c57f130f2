"""Loss and metrics in test mode: sums that can be added up in any number of parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchyard.models.engine.step_context import collecting
from batchyard.models.training.adapt import columns_of
from batchyard.models.training.data import ArrayEvaluation, EvaluationData, GlobalBatch, TensorBatch
from batchyard.models.training.lanes import lane_rows
from batchyard.models.training.objectives import refuse_masks_with_lanes, shares_of
from batchyard.models.training.phase import phase_scope
from batchyard.models.training.progress import shown_progress
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
    batch = TensorBatch(columns_of(model, inputs, targets, sample_weights))
    sums: NDArray[np.float64] = lane_sums(model, batch, slice(0, batch.rows), 0).cpu().numpy()
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


def lane_sums(model: Model, batch: GlobalBatch, rows: slice, lane: int) -> Tensor:
    """Evaluates the rows of one lane of a batch.

    Returns:
        float64 `[rows, loss sum, metric sums …]` on the model's device.
    """
    count = rows.stop - rows.start
    data = batch.lane(rows)
    with torch.inference_mode(), phase_scope(model, False), collecting() as context:
        masks: list[Tensor | None] = []
        outputs = model.compute_outputs(data.inputs, masks if model.compiled.masked else None)
        penalties = model.losses if lane == 0 else []
        shares = shares_of(model.compiled, outputs, data, count, batch, context, penalties, masks)
        values = torch.stack(shares.values).to(torch.float64) * batch.rows
        return torch.cat([values.new_tensor([count]), values])


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
    refuse_masks_with_lanes(model.compiled, strategy.lanes)
    totals: dict[int, Tensor] = {}
    for step in range(data.steps if steps is None else min(steps, data.steps)):
        batch = data.batch(step)
        for lane in strategy.owned_lanes:
            rows = lane_rows(batch.rows, strategy.lanes, lane)
            if rows.stop > rows.start:
                sums = lane_sums(model, batch, rows, lane)
                totals[lane] = totals[lane] + sums if lane in totals else sums
        if progress is not None:
            progress(batch.rows)
    return finish_sums(model, strategy.reduce_sums(totals).cpu().numpy())


def evaluate(
    model: Model, x: Any, y: Any, batch_size: int, verbose: int, sample_weight: Any, steps: int | None
) -> float | list[float]:
    """Is `Model.evaluate`."""
    data = ArrayEvaluation(columns_of(model, x, y, sample_weight), batch_size)
    rows = data.samples if steps is None else min(data.samples, steps * batch_size)
    with shown_progress(rows, verbose) as progress:
        logs = evaluation_logs(model, data, LocalStrategy(), steps, progress)
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
