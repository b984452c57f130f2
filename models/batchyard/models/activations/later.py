"""Activations that versions of Keras after 2.2 added: their files name them.

Source: Keras 3, `activations`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.activations.functions import activations

__all__ = [
    "celu",
    "gelu",
    "hard_shrink",
    "hard_sigmoid_of_keras_3",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu6",
    "silu",
    "soft_shrink",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "tanh_shrink",
]


@activations.register("swish")
def silu(x: Tensor) -> Tensor:
    """Returns x * sigmoid(x)."""
    return functional.silu(x)


@activations.register()
def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """Returns x * P(X <= x) for a normal X, or tanh's approximation of it."""
    return functional.gelu(x, approximate="tanh" if approximate else "none")


@activations.register()
def relu6(x: Tensor) -> Tensor:
    """Returns x, cut at 0 and 6."""
    return functional.relu6(x)


@activations.register()
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """Returns x where positive, else negative_slope * x."""
    return functional.leaky_relu(x, negative_slope)


@activations.register()
def mish(x: Tensor) -> Tensor:
    """Returns x * tanh(softplus(x))."""
    return functional.mish(x)


@activations.register()
def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Returns the logarithm of softmax."""
    return torch.log_softmax(x, axis)


@activations.register()
def hard_sigmoid_of_keras_3(x: Tensor) -> Tensor:
    """Returns x / 6 + 0.5, cut at 0 and 1: Keras 3's hard_sigmoid; Keras 2's has the slope 0.2."""
    return functional.hardsigmoid(x)


@activations.register("hard_swish")
def hard_silu(x: Tensor) -> Tensor:
    """Returns x * hard_sigmoid_of_keras_3(x)."""
    return functional.hardswish(x)


@activations.register()
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Returns x where positive, else alpha * (exp(x / alpha) - 1)."""
    return functional.celu(x, alpha)


@activations.register()
def hard_tanh(x: Tensor) -> Tensor:
    """Returns x, cut at -1 and 1."""
    return functional.hardtanh(x)


@activations.register()
def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """Returns x where it is further from 0 than the threshold, else 0."""
    return functional.hardshrink(x, threshold)


@activations.register()
def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """Returns x nearer to 0 by the threshold; 0 where it is nearer than that."""
    return functional.softshrink(x, threshold)


@activations.register()
def tanh_shrink(x: Tensor) -> Tensor:
    """Returns x - tanh(x)."""
    return functional.tanhshrink(x)


@activations.register()
def log_sigmoid(x: Tensor) -> Tensor:
    """Returns the logarithm of sigmoid."""
    return functional.logsigmoid(x)


@activations.register()
def squareplus(x: Tensor, b: float = 4.0) -> Tensor:
    """Returns (x + sqrt(x² + b)) / 2."""
    return (x + torch.sqrt(torch.square(x) + b)) / 2


@activations.register()
def sparse_plus(x: Tensor) -> Tensor:
    """Returns 0 up to -1, (x + 1)² / 4 up to 1, x beyond."""
    return torch.where(x <= -1, 0.0, torch.where(x < 1, torch.square(x + 1) / 4, x))


@activations.register()
def sparse_sigmoid(x: Tensor) -> Tensor:
    """Returns (x + 1) / 2, cut at 0 and 1."""
    return torch.clamp((x + 1) / 2, 0.0, 1.0)


@activations.register()
def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """Returns x less a threshold, cut at 0, as Keras 3 does.

    Where several elements count, its threshold is not that of Martins and Astudillo 2016: it adds up all
    partial sums, not the last one, so that the output does not sum up to 1.
    """
    ordered = torch.sort(x, axis, descending=True).values
    shape = [1] * x.ndim
    shape[axis] = -1
    places = torch.arange(1, x.shape[axis] + 1, dtype=x.dtype, device=x.device).reshape(shape)
    sums = torch.cumsum(ordered, axis)
    counts = ordered - (sums - 1) / places > 0
    total = torch.where(counts, sums, 0.0).sum(axis, keepdim=True)
    return torch.relu(x - (total - 1) / counts.sum(axis, keepdim=True))
