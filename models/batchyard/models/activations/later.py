"""Activations that versions of Keras after 2.2 added: their files name them.

Source: Keras 3, `activations`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.activations.functions import activations

__all__ = [
    "gelu",
    "hard_sigmoid_of_keras_3",
    "hard_silu",
    "leaky_relu",
    "log_softmax",
    "mish",
    "relu6",
    "silu",
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
