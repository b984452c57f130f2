"""Penalties on weights."""

from batchyard.models.regularizers.later import OrthogonalRegularizer
from batchyard.models.regularizers.regularizers import (
    L1L2,
    Regularizer,
    deserialize,
    get,
    l1,
    l1_l2,
    l2,
    serialize,
)

__all__ = [
    "L1L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "serialize",
]
