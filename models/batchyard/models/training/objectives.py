"""Shares of a batch's loss and metrics that one lane contributes.

Sums over its rows, over the batch's denominators.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from batchyard.models.engine.step_context import StepContext
from batchyard.models.losses.means import mean_at_once
from batchyard.models.training.compile import Compiled, Scorer
from batchyard.models.training.data import Lane

__all__ = ["ForwardPass", "Shares", "counts_length", "mask_counts", "shares_of"]


@dataclass(frozen=True)
class Shares:
    """What a lane adds to the batch's means.

    Attributes:
        loss: share of the total loss, to be differentiated.
        values: shares of all that `metrics_names` lists, detached.
    """

    loss: Tensor
    values: list[Tensor]


@dataclass(frozen=True)
class ForwardPass:
    """What a model has computed for the rows of one lane.

    Attributes:
        outputs: the model's.
        masks: one or None per output; empty if no loss is masked.
        data: targets and weights of the rows.
        rows: how many there are.
        context: what the layers have told.
    """

    outputs: Sequence[Tensor]
    masks: Sequence[Tensor | None]
    data: Lane
    rows: int
    context: StepContext


def mask_counts(compiled: Compiled, done: ForwardPass) -> Tensor:
    """Counts what the masks leave of a lane: added up over the lanes it gives the batch's `mask_means`.

    Returns:
        float64, per masked loss: the sum of the mask, and its size. Sums of flags are exact in any order.
    """
    counts: list[Tensor] = []
    for objective in compiled.objectives:
        if objective.masked:
            output, mask = done.outputs[objective.place], done.masks[objective.place]
            flags = output.new_ones(done.rows) if mask is None else mask
            counts.append(flags.sum(dtype=torch.float64))
            counts.append(counts[-1].new_tensor(flags.numel()))
    return torch.stack(counts)


def counts_length(compiled: Compiled) -> int:
    """Returns the number of elements of `mask_counts`."""
    return 2 * sum(objective.masked for objective in compiled.objectives)


def shares_of(
    compiled: Compiled,
    done: ForwardPass,
    batch_rows: int,
    denominators: Sequence[float],
    penalties: Sequence[Tensor],
    counts: Tensor | None = None,
) -> Shares:
    """Computes a lane's shares.

    Args:
        compiled: the objectives.
        done: the lane's forward pass.
        batch_rows: of the batch.
        denominators: the batch's.
        penalties: those of the weights: given for the first lane only.
        counts: the sum of all lanes' `mask_counts`; by default those of this lane, which is the only one.
    """
    outputs, lane, rows, context = done.outputs, done.data, done.rows, done.context
    if compiled.masked and counts is None:
        counts = mask_counts(compiled, done)
    place_of_count = 0
    total: Tensor | None = None
    losses: list[Tensor] = []
    metrics: list[Tensor] = []
    for number, objective in enumerate(compiled.objectives):
        predictions, targets = outputs[objective.place], lane.targets[number]
        weights, denominator = lane.sample_weights[number], denominators[number]
        mask: tuple[Tensor, Tensor, Tensor] | None = None
        if objective.masked and counts is not None:
            flags, at = done.masks[objective.place], place_of_count
            mask = None if flags is None else (flags, counts[at], counts[at + 1])
            place_of_count += 2
        of_loss = mask
        if mask is not None and objective.counts_masked_steps:
            of_loss = (mask[0], mask[2], mask[2])
        loss = _mean_share(
            objective.loss, targets, predictions, of_loss, weights, denominator, rows, batch_rows
        )
        if compiled.several:
            losses.append(loss.detach())
        part = loss if objective.weight == 1.0 else objective.weight * loss
        total = part if total is None else total + part
        with torch.no_grad():
            for metric in objective.metrics:
                if metric.running is not None:
                    metrics.append(metric.running.share(targets, predictions, batch_rows))
                    continue
                same = metric.function is objective.loss and of_loss is mask
                if same and (metric.weighted or weights is None):
                    metrics.append(loss.detach())
                    continue
                applied = weights if metric.weighted else None
                metrics.append(
                    _mean_share(
                        metric.function, targets, predictions, mask, applied, denominator, rows, batch_rows
                    )
                )
    if total is None:  # the model's own losses are all that there are
        total = outputs[0].new_zeros(())
    for loss in context.batch_losses:
        total = total + loss.mean() * (rows / batch_rows)
    for loss in (*context.activity_losses, *penalties):
        total = total + loss
    return Shares(total, [total.detach(), *losses, *metrics])


def _mean_share(
    scorer: Scorer,
    targets: Tensor,
    predictions: Tensor,
    mask: tuple[Tensor, Tensor, Tensor] | None,
    weights: Tensor | None,
    denominator: float,
    rows: int,
    batch_rows: int,
) -> Tensor:
    """Returns the part of the batch's mean of a loss or metric that comes from these rows.

    See `_masked` and `_share` for the arguments.
    """
    if mask is None and weights is None:
        mean = mean_at_once(scorer, targets, predictions)
        if mean is not None:
            return mean if rows == batch_rows else mean * (rows / batch_rows)
    scores = _masked(scorer(targets, predictions), mask)
    return _share(scores, weights, denominator, rows, batch_rows)


def _masked(scores: Tensor, mask: tuple[Tensor, Tensor, Tensor] | None) -> Tensor:
    """Returns scores that are 0 where masked, and scaled so that the batch's mean is that of the others.

    Args:
        scores: one number per row and time step.
        mask: of these rows, and the sum and the size of the whole batch's; None for none.
    """
    if mask is None:
        return scores
    flags, counted, size = mask
    # A batch of which no step counts has the loss 0 (Keras: NaN).
    mean = counted.clamp(min=1.0) / size
    return scores * flags.to(scores.dtype) / mean.to(scores.dtype)


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
