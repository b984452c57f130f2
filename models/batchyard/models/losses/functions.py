"""Losses: (targets, predictions) to one number per row (the mean over the last axis).

Source: Keras 2.2.4, `losses`. Cross-entropies are computed from the logits where the prediction is the direct
    result of
a softmax or sigmoid, and from probabilities clipped by epsilon otherwise.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.activations.functions import logits_of
from batchyard.models.backend.configuration import epsilon
from batchyard.models.backend.symbolic_call import operation
from batchyard.models.registry import Registry

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "categorical_hinge",
    "cosine_proximity",
    "hinge",
    "kullback_leibler_divergence",
    "logcosh",
    "losses",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]

losses = Registry("loss")


@losses.register("mse", "MSE")
@operation
def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns the mean of (prediction - target)²."""
    return torch.square(y_pred - y_true).mean(-1)


@losses.register("mae", "MAE")
@operation
def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns the mean of |prediction - target|."""
    return torch.abs(y_pred - y_true).mean(-1)


@losses.register("mape", "MAPE")
@operation
def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns 100 times the mean of |prediction - target| / |target|."""
    return 100.0 * torch.abs((y_true - y_pred) / torch.clamp(torch.abs(y_true), min=epsilon())).mean(-1)


@losses.register("msle", "MSLE")
@operation
def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns the mean of (log(1 + prediction) - log(1 + target))²."""
    first = torch.log(torch.clamp(y_pred, min=epsilon()) + 1.0)
    second = torch.log(torch.clamp(y_true, min=epsilon()) + 1.0)
    return torch.square(first - second).mean(-1)


@losses.register()
@operation
def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns the mean of max(1 - target * prediction, 0)²; targets are ±1."""
    return torch.square(torch.clamp(1.0 - y_true * y_pred, min=0.0)).mean(-1)


@losses.register()
@operation
def hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns the mean of max(1 - target * prediction, 0); targets are ±1."""
    return torch.clamp(1.0 - y_true * y_pred, min=0.0).mean(-1)


@losses.register()
@operation
def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns max(0, 1 + the greatest wrong prediction - the right one); targets are one-hot."""
    right = (y_true * y_pred).sum(-1)
    wrong = ((1.0 - y_true) * y_pred).amax(-1)
    return torch.clamp(wrong - right + 1.0, min=0.0)


@losses.register()
@operation
def logcosh(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns the mean of log(cosh(prediction - target))."""
    error = y_pred - y_true
    return (error + functional.softplus(-2.0 * error) - 0.6931471805599453).mean(-1)


@losses.register()
@operation
def categorical_crossentropy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns - sum target * log(prediction); targets are distributions over the last axis."""
    logits = logits_of(y_pred, "softmax")
    if logits is not None:
        return -(y_true * torch.log_softmax(logits, -1)).sum(-1)
    probabilities = y_pred / y_pred.sum(-1, keepdim=True)
    return -(y_true * torch.log(_clip(probabilities))).sum(-1)


@losses.register()
@operation
def sparse_categorical_crossentropy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns - log(prediction of the target's class); targets are class numbers."""
    logits = logits_of(y_pred, "softmax")
    logarithms = torch.log_softmax(torch.log(_clip(y_pred)) if logits is None else logits, -1)
    classes = y_true.reshape(y_pred.shape[:-1]).to(torch.int64)
    return -logarithms.gather(-1, classes.unsqueeze(-1)).squeeze(-1)


@losses.register()
@operation
def binary_crossentropy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns the mean of -(target * log(prediction) + (1 - target) * log(1 - prediction))."""
    logits = logits_of(y_pred, "sigmoid")
    if logits is None:
        probabilities = _clip(y_pred)
        logits = torch.log(probabilities / (1.0 - probabilities))
    targets = y_true.expand_as(logits) if y_true.shape != logits.shape else y_true
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(-1)


@losses.register("kld", "KLD")
@operation
def kullback_leibler_divergence(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns the sum of target * log(target / prediction)."""
    targets = torch.clamp(y_true, epsilon(), 1.0)
    predictions = torch.clamp(y_pred, epsilon(), 1.0)
    return (targets * torch.log(targets / predictions)).sum(-1)


@losses.register()
@operation
def poisson(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns the mean of prediction - target * log(prediction)."""
    return (y_pred - y_true * torch.log(y_pred + epsilon())).mean(-1)


@losses.register("cosine")
@operation
def cosine_proximity(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Returns minus the cosine of the angle between target and prediction."""
    return -(_normalize(y_true) * _normalize(y_pred)).sum(-1)


def _clip(probabilities: Tensor) -> Tensor:
    return torch.clamp(probabilities, epsilon(), 1.0 - epsilon())


def _normalize(x: Tensor) -> Tensor:
    return x * torch.rsqrt(torch.clamp(torch.square(x).sum(-1, keepdim=True), min=1e-12))
