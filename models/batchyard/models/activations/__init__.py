"""Activation functions, by name or as they are."""

from batchyard.models.activations.functions import (
    elu,
    exponential,
    hard_sigmoid,
    linear,
    relu,
    selu,
    sigmoid,
    softmax,
    softplus,
    softsign,
    tanh,
)
from batchyard.models.activations.lookup import deserialize, get, serialize

__all__ = [
    "deserialize",
    "elu",
    "exponential",
    "get",
    "hard_sigmoid",
    "linear",
    "relu",
    "selu",
    "serialize",
    "sigmoid",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]
