"""Shares of a batch's loss and metrics that one lane contributes.

Sums over its rows, over the batch's denominators.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from batchyard.models.engine.step_context import StepContext
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.training.compile import Compiled
from batchyard.models.training.data import GlobalBatch, Lane

__all__ = ["Shares", "refuse_masks_with_lanes", "shares_of"]


@dataclass(frozen=True)
class Shares:
    """What a lane adds to the batch's means.

    Attributes:
        loss: share of the total loss, to be differentiated.
        values: shares of all that `metrics_names` lists, detached.
    """

    loss: Tensor
    values: list[Tensor]


def refuse_masks_with_lanes(compiled: Compiled, lanes: int) -> None:
    """Refuses what a lane cannot compute: a masked loss is divided by the mean of the whole batch's mask.

    Raises:
        InvalidArgumentError: if a loss is masked, and there are several lanes.
    """
    if lanes > 1 and compiled.masked:
        names = [objective.name for objective in compiled.objectives if objective.masked]
        raise InvalidArgumentError(
            f"The losses of the outputs {names} are masked, so they need the mask of the whole batch, but "
            f"lanes={lanes} would compute parts of it. Use lanes=1, or end the mask before the output (a "
            "recurrent layer with return_sequences=False does), or use sample_weight_mode='temporal' with "
            "weights of 0 instead."
        )


def shares_of(
    compiled: Compiled,
    outputs: Sequence[Tensor],
    lane: Lane,
    rows: int,
    batch: GlobalBatch,
    context: StepContext,
    penalties: Sequence[Tensor],
    masks: Sequence[Tensor | None] = (),
) -> Shares:
    """Computes a lane's shares.

    Args:
        compiled: the objectives.
        outputs: the model's, for the lane's rows.
        lane: targets and weights of the rows.
        rows: of the lane.
        batch: for its rows and denominators.
        context: what the layers have told.
        penalties: those of the weights: given for the first lane only.
        masks: one or None per output of the model; empty if no loss is masked.
    """
    total: Tensor | None = None
    losses: list[Tensor] = []
    metrics: list[Tensor] = []
    denominators = batch.denominators
    for number, objective in enumerate(compiled.objectives):
        predictions, targets = outputs[objective.place], lane.targets[number]
        weights, denominator = lane.sample_weights[number], denominators[number]
        mask = masks[objective.place] if objective.masked else None
        scores = _masked(objective.loss(targets, predictions), mask)
        loss = _share(scores, weights, denominator, rows, batch.rows)
        losses.append(loss.detach())
        part = loss if objective.weight == 1.0 else objective.weight * loss
        total = part if total is None else total + part
        with torch.no_grad():
            for metric in objective.metrics:
                if metric.function is objective.loss and (metric.weighted or weights is None):
                    metrics.append(loss.detach())
                    continue
                scores = _masked(metric.function(targets, predictions), mask)
                applied = weights if metric.weighted else None
                metrics.append(_share(scores, applied, denominator, rows, batch.rows))
    assert total is not None  # compile has refused a model without loss
    for loss in context.batch_losses:
        total = total + loss.mean() * (rows / batch.rows)
    for loss in (*context.activity_losses, *penalties):
        total = total + loss
    return Shares(total, [total.detach(), *(losses if compiled.several else []), *metrics])


def _masked(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Returns scores that are 0 where masked, and scaled so that their mean is that of the others.

    Args:
        scores: one number per row and time step.
        mask: of the whole batch (so there is one lane), or None.
    """
    if mask is None:
        return scores
    counted = mask.to(scores.dtype)
    # A batch of which no step counts has the loss 0 (Keras: NaN).
    return scores * counted / counted.mean().clamp(min=1.0 / max(counted.numel(), 1))


def _share(scores: Tensor, weights: Tensor | None, denominator: float, rows: int, batch_rows: int) -> Tensor:
    """Returns the part of the batch's mean that comes from these rows.

    Args:
        scores: one or more numbers per row, or a mean over the rows.
        weights: one number per row (and time step), or None.
        denominator: the batch's count of weights that are not zero.
        rows: of the lane.
        batch_rows: of the batch.
    """
    if weights is None:
        if scores.ndim == 0:
            return scores * (rows / batch_rows)
        return scores.sum() / (batch_rows * (scores.numel() // rows))
    if scores.ndim > weights.ndim:
        scores = scores.mean(tuple(range(weights.ndim, scores.ndim)))
    # A batch of which no row counts has the loss 0 (Keras: NaN).
    return (scores * weights).sum() / max(denominator, 1.0)
