"""Mean losses in one of torch's kernels, instead of one number per row whose mean is taken afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.activations.functions import logits_of
from batchyard.models.losses.functions import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)

__all__ = ["mean_at_once"]


def mean_at_once(loss: Any, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
    """Returns the mean of `loss(y_true, y_pred)`, or None where no kernel computes it.

    Args:
        loss: any; a few are known.
        y_true: targets.
        y_pred: predictions.
    """
    compute = _MEANS.get(loss)
    return None if compute is None or y_pred.numel() == 0 else compute(y_true, y_pred)


#: The mean over all elements, as torch's kernels number the ways to reduce a loss.
_MEAN = 1

# Where nothing is broadcast, the kernels are called as torch.nn.functional calls them in the end: its way
# there takes as long as the kernel does for a small model.


def _squared(y_true: Tensor, y_pred: Tensor) -> Tensor | None:
    if y_true.shape != y_pred.shape:
        return None
    return torch._C._nn.mse_loss(y_pred, y_true, _MEAN)  # type: ignore[arg-type]


def _absolute(y_true: Tensor, y_pred: Tensor) -> Tensor | None:
    if y_true.shape != y_pred.shape:
        return None
    return torch._C._nn.l1_loss(y_pred, y_true, _MEAN)  # type: ignore[arg-type]


def _classes(y_true: Tensor, y_pred: Tensor) -> Tensor | None:
    logits = logits_of(y_pred, "softmax")
    if logits is None:
        return None
    return functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), y_true.reshape(-1).to(torch.int64))


def _distributions(y_true: Tensor, y_pred: Tensor) -> Tensor | None:
    logits = logits_of(y_pred, "softmax")
    if logits is None or logits.ndim != 2 or y_true.shape != logits.shape:
        return None
    return functional.cross_entropy(logits, y_true)


def _yes_or_no(y_true: Tensor, y_pred: Tensor) -> Tensor | None:
    logits = logits_of(y_pred, "sigmoid")
    if logits is None or y_true.shape != logits.shape:
        return None
    return functional.binary_cross_entropy_with_logits(logits, y_true)


_MEANS: dict[Any, Callable[[Tensor, Tensor], Tensor | None]] = {
    mean_squared_error: _squared,
    mean_absolute_error: _absolute,
    sparse_categorical_crossentropy: _classes,
    categorical_crossentropy: _distributions,
    binary_crossentropy: _yes_or_no,
}
