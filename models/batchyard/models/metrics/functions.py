"""Metrics: (targets, predictions) to one number per row. Every loss is a metric too.

Source: Keras 2.2.4, `metrics`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from batchyard.models.backend.symbolic_call import operation
from batchyard.models.losses.functions import losses
from batchyard.models.registry import Registry

__all__ = [
    "binary_accuracy",
    "categorical_accuracy",
    "metrics",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]

metrics = Registry("metric")

metrics.extend(losses)


@metrics.register()
@operation
def binary_accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns how much of the prediction, rounded, equals the target."""
    return _mean_of(y_true == torch.round(y_pred), y_pred)


@metrics.register()
@operation
def categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns 1 where the greatest prediction is at the greatest target."""
    return (y_true.argmax(-1) == y_pred.argmax(-1)).to(y_pred.dtype)


@metrics.register()
@operation
def sparse_categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns 1 where the greatest prediction is that of the target's class number."""
    return (y_true.reshape(y_pred.shape[:-1]) == y_pred.argmax(-1)).to(y_pred.dtype)


@metrics.register()
@operation
def top_k_categorical_accuracy(y_true: Tensor, y_pred: Tensor, k: int = 5) -> Tensor:
    """Returns in how many rows, of 1, the target's class is among the k greatest predictions."""
    return _in_top_k(y_true.argmax(-1), y_pred, k).mean(-1)


@metrics.register()
@operation
def sparse_top_k_categorical_accuracy(y_true: Tensor, y_pred: Tensor, k: int = 5) -> Tensor:
    """Returns in how many rows, of 1, the target's class number is among the k greatest predictions."""
    return _in_top_k(y_true.reshape(y_pred.shape[:-1]).to(torch.int64), y_pred, k).mean(-1)


def _in_top_k(classes: Tensor, y_pred: Tensor, k: int) -> Tensor:
    """Ties count as hits: fewer than k predictions may be greater than that of the class."""
    own = y_pred.gather(-1, classes.unsqueeze(-1))
    return ((y_pred > own).sum(-1) < k).to(y_pred.dtype)


def _mean_of(hits: Tensor, like: Tensor) -> Tensor:
    return hits.to(like.dtype).mean(-1)
