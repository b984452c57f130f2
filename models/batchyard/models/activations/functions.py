"""Activation functions.

Source: Keras 2.2.4, `activations`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.errors import ShapeError
from batchyard.models.registry import Registry

__all__ = [
    "activations",
    "elu",
    "exponential",
    "hard_sigmoid",
    "linear",
    "relu",
    "selu",
    "sigmoid",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]

activations = Registry("activation")


def logits_of(tensor: Tensor, activation: str) -> Tensor | None:
    """Returns what an activation was computed from, if `tensor` is the very result of it.

    Losses use it: from the logits a cross-entropy is exact where the probabilities are rounded to 0 or 1.

    Args:
        tensor: perhaps the result of an activation.
        activation: "softmax" (over the last axis) or "sigmoid".
    """
    name, logits = getattr(tensor, "_logits", ("", None))
    return logits if name == activation else None


def _with_logits(result: Tensor, activation: str, logits: Tensor) -> Tensor:
    result._logits = (activation, logits)  # type: ignore[attr-defined]
    return result


@activations.register()
def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Returns exp(x) normalized to sum 1 along an axis.

    Raises:
        ShapeError: if x has a single axis: it would be that of the batch.
    """
    if x.ndim < 2:
        raise ShapeError(f"softmax needs at least two axes, the batch's among them. Received: {x.ndim}.")
    result = torch.softmax(x, axis)
    return _with_logits(result, "softmax", x) if axis in (-1, x.ndim - 1) else result


@activations.register()
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Returns x where positive, else alpha * (exp(x) - 1)."""
    result = functional.elu(x)
    return result if alpha == 1.0 else torch.where(x > 0, result, alpha * result)


@activations.register()
def selu(x: Tensor) -> Tensor:
    """Returns the scaled elu that keeps mean 0 and variance 1."""
    return functional.selu(x)


@activations.register()
def softplus(x: Tensor) -> Tensor:
    """Returns log(exp(x) + 1)."""
    return functional.softplus(x)


@activations.register()
def softsign(x: Tensor) -> Tensor:
    """Returns x / (|x| + 1)."""
    return functional.softsign(x)


@activations.register()
def relu(x: Tensor, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """Returns x where greater than the threshold, else alpha * (x - threshold).

    With `max_value` x is cut to 0 … max_value first: what lies between a threshold below 0 and 0 becomes 0.
    Gradients at the bends are those of Keras 2.2.4 on TensorFlow.
    """
    if alpha and max_value is None and threshold == 0.0:
        return functional.leaky_relu(x, alpha)
    if threshold != 0.0:
        kept = torch.where(x <= threshold, 0.0, x)
    elif max_value == 6:
        kept = functional.relu6(x)
    else:
        kept = torch.relu(x)
    if max_value is not None and (threshold != 0.0 or max_value != 6):
        kept = torch.clamp(kept, 0.0, max_value)
    return kept - alpha * torch.relu(threshold - x) if alpha else kept


@activations.register()
def tanh(x: Tensor) -> Tensor:
    """Returns the hyperbolic tangent."""
    return torch.tanh(x)


@activations.register()
def sigmoid(x: Tensor) -> Tensor:
    """Returns 1 / (1 + exp(-x))."""
    return _with_logits(torch.sigmoid(x), "sigmoid", x)


@activations.register()
def hard_sigmoid(x: Tensor) -> Tensor:
    """Returns 0.2 x + 0.5, cut to 0 … 1."""
    return torch.clamp(0.2 * x + 0.5, 0.0, 1.0)


@activations.register()
def exponential(x: Tensor) -> Tensor:
    """Returns exp(x)."""
    return torch.exp(x)


@activations.register()
def linear(x: Tensor) -> Tensor:
    """Returns x."""
    return x
