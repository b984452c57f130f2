"""Activations, cross-entropies, normalization, dropout.

Source: Keras 2.2.4, `backend`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.activations import functions as activations
from batchyard.models.backend.configuration import epsilon as default_epsilon
from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.backend.random import generator_for
from batchyard.models.backend.symbolic_call import as_axes, as_sizes, as_tensor, operation
from batchyard.models.errors import InvalidArgumentError, ShapeError

__all__ = [
    "batch_normalization",
    "bias_add",
    "binary_crossentropy",
    "categorical_crossentropy",
    "dropout",
    "elu",
    "hard_sigmoid",
    "in_top_k",
    "l2_normalize",
    "normalize_batch_in_training",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "softsign",
    "sparse_categorical_crossentropy",
    "tanh",
]


@operation
def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """Returns x where greater than the threshold, else alpha * (x - threshold); at most max_value."""
    return activations.relu(as_tensor(x), alpha, max_value, threshold)


@operation
def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """Returns x where positive, else alpha * (exp(x) - 1)."""
    return activations.elu(as_tensor(x), alpha)


@operation
def softmax(x: Any, axis: int = -1) -> Tensor:
    """Returns exp(x) normalized to sum 1 along an axis."""
    return activations.softmax(as_tensor(x), axis)


@operation
def softplus(x: Any) -> Tensor:
    """Returns log(exp(x) + 1)."""
    return activations.softplus(as_tensor(x))


@operation
def softsign(x: Any) -> Tensor:
    """Returns x / (|x| + 1)."""
    return activations.softsign(as_tensor(x))


@operation
def sigmoid(x: Any) -> Tensor:
    """Returns 1 / (1 + exp(-x))."""
    return activations.sigmoid(as_tensor(x))


@operation
def hard_sigmoid(x: Any) -> Tensor:
    """Returns 0.2 x + 0.5, cut to 0 … 1."""
    return activations.hard_sigmoid(as_tensor(x))


@operation
def tanh(x: Any) -> Tensor:
    """Returns the hyperbolic tangent."""
    return activations.tanh(as_tensor(x))


@operation
def l2_normalize(x: Any, axis: Any = None) -> Tensor:
    """Returns the tensor brought to length 1 along axes."""
    tensor = as_tensor(x)
    squares = torch.sum(torch.square(tensor), as_axes(axis, tensor.ndim), keepdim=True)
    return tensor * torch.rsqrt(torch.clamp(squares, min=1e-12))


@operation
def in_top_k(predictions: Any, targets: Any, k: int) -> Tensor:
    """Returns whether the class of each row is among the k greatest predictions."""
    scores = as_tensor(predictions)
    own = scores.gather(-1, as_tensor(targets, "int64").unsqueeze(-1))
    return (scores > own).sum(-1) < k


@operation
def dropout(x: Any, level: float, noise_shape: Any = None, seed: int | None = None) -> Tensor:
    """Returns the tensor with a random part set to 0, and the rest scaled up to the same mean.

    Raises:
        InvalidArgumentError: if the part is not in 0 <= level < 1.
    """
    if not 0.0 <= level < 1.0:
        raise InvalidArgumentError(f"dropout needs 0 <= level < 1. Received: level={level}.")
    tensor = as_tensor(x)
    shape = tuple(tensor.shape) if noise_shape is None else as_sizes(noise_shape)
    shape = tuple(n if m == -1 else m for m, n in zip(shape, tensor.shape, strict=True))
    if tensor.is_meta:
        return tensor * torch.ones(shape, device="meta", dtype=tensor.dtype)
    numbers = torch.rand(shape, generator=generator_for(seed, tensor.device), device=tensor.device)
    return tensor * (numbers >= level).to(tensor.dtype) / (1.0 - level)


# Cross-entropies.


def _last(x: Tensor, axis: int) -> Tensor:
    if not -x.ndim <= axis < x.ndim:
        raise InvalidArgumentError(f"axis must be one of the {x.ndim} of the output. Received: axis={axis}.")
    return x if axis in (-1, x.ndim - 1) else x.movedim(axis, -1)


def _clip(x: Tensor) -> Tensor:
    small = default_epsilon()
    return torch.clamp(x, small, 1.0 - small)


@operation
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """Returns - sum target * log(output) along an axis.

    Args:
        target: distributions over the classes.
        output: predicted distributions, or logits.
        from_logits: whether they are logits.
        axis: of the classes.
    """
    predicted = as_tensor(output)
    wanted = _last(as_tensor(target, like=predicted).to(predicted.dtype), axis)
    predicted = _last(predicted, axis)
    if from_logits:
        return -(wanted * torch.log_softmax(predicted, -1)).sum(-1)
    return -(wanted * torch.log(_clip(predicted / predicted.sum(-1, keepdim=True)))).sum(-1)


@operation
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Returns - log(output of the target's class).

    Args:
        target: class numbers.
        output: predicted distributions, or logits.
        from_logits: whether they are logits.
        axis: of the classes.
    """
    predicted = _last(as_tensor(output), axis)
    logarithms = torch.log_softmax(predicted if from_logits else torch.log(_clip(predicted)), -1)
    classes = as_tensor(target).to(torch.int64).reshape(predicted.shape[:-1])
    return -logarithms.gather(-1, classes.unsqueeze(-1)).squeeze(-1)


@operation
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """Returns -(target * log(output) + (1 - target) * log(1 - output)), element by element.

    Args:
        target: 0, 1 or between.
        output: predicted probabilities, or logits.
        from_logits: whether they are logits.
    """
    logits = as_tensor(output)
    if not from_logits:
        probabilities = _clip(logits)
        logits = torch.log(probabilities / (1.0 - probabilities))
    wanted = as_tensor(target, like=logits).to(logits.dtype).expand_as(logits)
    return functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")


# Normalization and bias.


@operation
def batch_normalization(
    x: Any, mean: Any, var: Any, beta: Any, gamma: Any, axis: int = -1, epsilon: float = 1e-3
) -> Tensor:
    """Returns gamma * (x - mean) / sqrt(var + epsilon) + beta.

    Args:
        x: the tensor.
        mean: per place along the axis, or in a shape that can be broadcast.
        var: likewise.
        beta: likewise; None for 0.
        gamma: likewise; None for 1.
        axis: of the features.
        epsilon: keeps the division finite.
    """
    tensor = as_tensor(x)

    def wide(value: Any) -> Tensor:
        one = as_tensor(value, like=tensor)
        if one.ndim != 1 or tensor.ndim <= 1:
            return one
        return one.reshape([-1 if a == axis % tensor.ndim else 1 for a in range(tensor.ndim)])

    result = (tensor - wide(mean)) * torch.rsqrt(wide(var) + epsilon)
    if gamma is not None:
        result = result * wide(gamma)
    return result if beta is None else result + wide(beta)


@operation
def normalize_batch_in_training(
    x: Any, gamma: Any, beta: Any, reduction_axes: Sequence[int], epsilon: float = 1e-3
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the tensor normalized by its own mean and variance, that mean, and that variance.

    Args:
        x: the tensor.
        gamma: factor; None for 1.
        beta: summand; None for 0.
        reduction_axes: over which mean and variance are taken.
        epsilon: keeps the division finite.
    """
    tensor = as_tensor(x)
    axes = as_axes(list(reduction_axes), tensor.ndim)
    mean, var = tensor.mean(axes, keepdim=True), tensor.var(axes, correction=0, keepdim=True)
    result = (tensor - mean) * torch.rsqrt(var + epsilon)
    kept = [a for a in range(tensor.ndim) if a not in axes]
    shape = [tensor.shape[a] if a in kept else 1 for a in range(tensor.ndim)]
    if gamma is not None:
        result = result * as_tensor(gamma, like=tensor).reshape(shape)
    if beta is not None:
        result = result + as_tensor(beta, like=tensor).reshape(shape)
    flat = [tensor.shape[a] for a in kept]
    return result, mean.reshape(flat), var.reshape(flat)


@operation
def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Tensor:
    """Returns the tensor plus a bias: one per channel, or one per place and channel (channels last)."""
    tensor, added = as_tensor(x), as_tensor(bias)
    if added.ndim not in (1, tensor.ndim - 1):
        raise ShapeError(
            f"bias_add needs a bias with 1 or {tensor.ndim - 1} axes for a tensor with {tensor.ndim}. "
            f"Received: a bias of shape {tuple(added.shape)}."
        )
    if normalize_data_format(data_format) == "channels_last" or tensor.ndim < 3:
        return tensor + added
    if added.ndim == 1:
        return tensor + added.reshape(-1, *[1] * (tensor.ndim - 2))
    # Not moved: Keras, too, reads the bias in another order, and the biases in its files are meant so.
    return tensor + added.reshape(added.shape[-1], *added.shape[:-1])
