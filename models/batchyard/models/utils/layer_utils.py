"""Keras's module of that name."""

from collections.abc import Iterable
from typing import Any

from batchyard.models.engine.summary import print_summary
from batchyard.models.utils.convert_kernels import (
    convert_all_kernels_in_model,
    convert_dense_weights_data_format,
)
from batchyard.models.utils.source_inputs import get_source_inputs

__all__ = [
    "convert_all_kernels_in_model",
    "convert_dense_weights_data_format",
    "count_params",
    "get_source_inputs",
    "print_summary",
]


def count_params(weights: Iterable[Any]) -> int:
    """Returns how many numbers some weights hold, each weight counted once.

    Args:
        weights: tensors.
    """
    return sum(weight.numel() for weight in {id(weight): weight for weight in weights}.values())
