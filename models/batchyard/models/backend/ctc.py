"""Connectionist temporal classification: labels without a time for sequences; the last class is the blank.

Source: Keras 2.2.4, `backend`; Graves et al. 2006.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.backend.configuration import epsilon
from batchyard.models.backend.symbolic_call import as_tensor, operation

__all__ = ["ctc_batch_cost", "ctc_decode", "ctc_label_dense_to_sparse"]


def _lengths(x: Any) -> Tensor:
    return as_tensor(x).reshape(-1).to(torch.int64)


@operation
def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Tensor:
    """Returns the loss of each row, (batch, 1).

    Args:
        y_true: (batch, longest label) class numbers.
        y_pred: (batch, time, classes) probabilities.
        input_length: (batch, 1) time steps that count.
        label_length: (batch, 1) labels that count.
    """
    predicted = as_tensor(y_pred)
    logarithms = torch.log_softmax(torch.log(predicted.transpose(0, 1) + epsilon()), -1)
    losses = functional.ctc_loss(
        logarithms,
        as_tensor(y_true).to(torch.int64),
        _lengths(input_length),
        _lengths(label_length),
        blank=predicted.shape[-1] - 1,
        reduction="none",
    )
    return losses.unsqueeze(1)


@operation
def ctc_label_dense_to_sparse(labels: Any, label_lengths: Any) -> Tensor:
    """Returns the labels that count as a sparse tensor.

    Args:
        labels: (batch, longest label).
        label_lengths: how many of each row count.
    """
    dense, lengths = as_tensor(labels), _lengths(label_lengths)
    counts = torch.arange(dense.shape[1]) < lengths.unsqueeze(1)
    places = counts.nonzero().T
    return torch.sparse_coo_tensor(
        places, dense[counts], tuple(dense.shape), check_invariants=True
    ).coalesce()


@operation
def ctc_decode(
    y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[Tensor], Tensor]:
    """Returns the most probable labels, filled up with -1, and how probable they are.

    Args:
        y_pred: (batch, time, classes) probabilities.
        input_length: (batch,) time steps that count.
        greedy: whether to take the best class of each step by itself; else a search over beams.
        beam_width: how many beginnings the search keeps.
        top_paths: how many labels per row it returns; 1 if greedy.

    Returns:
        a list of (batch, longest label), best first; and (batch, 1) negative sums of the greatest logits if
        greedy, else (batch, top_paths) logarithms of the probabilities.
    """
    logits = torch.log(as_tensor(y_pred) + epsilon())
    lengths = _lengths(input_length)
    if greedy:
        labels, costs = [], []
        for row, length in zip(logits, lengths.tolist(), strict=True):
            best, classes = row[:length].max(-1)
            labels.append(_collapse(classes.tolist(), logits.shape[-1] - 1))
            costs.append(-best.sum())
        return [_filled(labels)], torch.stack(costs).unsqueeze(1)
    rows = [
        _beams(torch.log_softmax(row[:length], -1).tolist(), beam_width, top_paths)
        for row, length in zip(logits, lengths.tolist(), strict=True)
    ]
    paths = [_filled([list(row[place][0]) for row in rows]) for place in range(top_paths)]
    return paths, torch.tensor([[score for _, score in row] for row in rows], dtype=logits.dtype)


def _collapse(classes: list[int], blank: int) -> list[int]:
    """Returns the classes without repetitions, then without blanks."""
    before = [-1, *classes]
    return [c for c, previous in zip(classes, before, strict=False) if c not in (previous, blank)]


def _filled(labels: list[list[int]]) -> Tensor:
    longest = max(map(len, labels), default=0)
    return torch.tensor([row + [-1] * (longest - len(row)) for row in labels]).reshape(len(labels), longest)


def _add(*logarithms: float) -> float:
    """Returns the logarithm of a sum of probabilities."""
    top = max(logarithms)
    return top if top == -math.inf else top + math.log(sum(math.exp(one - top) for one in logarithms))


def _beams(rows: list[list[float]], width: int, count: int) -> list[tuple[tuple[int, ...], float]]:
    """Searches the most probable labels; per beginning, how probable it is to end in a blank, and not to."""
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -math.inf)}
    for row in rows:
        blank = len(row) - 1
        found: dict[tuple[int, ...], tuple[float, float]] = {}

        def grow(label: tuple[int, ...], ends: float, goes_on: float, found: dict[Any, Any] = found) -> None:
            old = found.get(label, (-math.inf, -math.inf))
            found[label] = (_add(old[0], ends), _add(old[1], goes_on))

        for label, (ends, goes_on) in beams.items():
            grow(label, _add(ends, goes_on) + row[blank], -math.inf)
            for one in range(blank):
                if label and label[-1] == one:
                    grow(label, -math.inf, goes_on + row[one])
                    grow((*label, one), -math.inf, ends + row[one])
                else:
                    grow((*label, one), -math.inf, _add(ends, goes_on) + row[one])
        best = sorted(found.items(), key=lambda item: -_add(*item[1]))[:width]
        beams = dict(best)
    ranked = [(label, _add(*scores)) for label, scores in beams.items()]
    ranked.sort(key=lambda item: -item[1])
    while len(ranked) < count:
        ranked.append(((), -math.inf))
    return ranked[:count]
