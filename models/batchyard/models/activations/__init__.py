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
from batchyard.models.activations.later import (
    gelu,
    hard_sigmoid_of_keras_3,
    hard_silu,
    leaky_relu,
    log_softmax,
    mish,
    relu6,
    silu,
)
from batchyard.models.activations.lookup import deserialize, get, serialize

__all__ = [
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "hard_sigmoid_of_keras_3",
    "hard_silu",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]
