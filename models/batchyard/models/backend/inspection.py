"""Asking tensors: shape, type, value.

Source: Keras 2.2.4, `backend`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchyard.models.backend.configuration import floatx, torch_dtype
from batchyard.models.backend.hyper_parameter import get_value, set_value
from batchyard.models.backend.symbolic_call import as_tensor, operation
from batchyard.models.engine.symbolic import SymbolicTensor
from batchyard.models.errors import InvalidArgumentError

__all__ = [
    "batch_get_value",
    "batch_set_value",
    "cast",
    "cast_to_floatx",
    "count_params",
    "dtype",
    "eval",
    "get_variable_shape",
    "int_shape",
    "is_keras_tensor",
    "is_placeholder",
    "is_sparse",
    "is_tensor",
    "ndim",
    "print_tensor",
    "shape",
    "to_dense",
]


@operation
def shape(x: Any) -> Tensor:
    """Returns the shape as a tensor of whole numbers, known once there are numbers."""
    return torch.tensor(as_tensor(x).shape, dtype=torch.int32)


def int_shape(x: Any) -> tuple[int | None, ...] | None:
    """Returns the shape as a tuple, with None for open sizes; None if there is no shape."""
    found = getattr(x, "shape", None)
    return None if found is None else tuple(found)


def get_variable_shape(x: Any) -> tuple[int | None, ...] | None:
    """Returns the shape of a variable as a tuple."""
    return int_shape(x)


def ndim(x: Any) -> int | None:
    """Returns the number of axes."""
    found = int_shape(x)
    return None if found is None else len(found)


def dtype(x: Any) -> str:
    """Returns the name of the type of the numbers, such as "float32"."""
    return str(x.dtype).removeprefix("torch.")


def count_params(x: Any) -> int:
    """Returns how many numbers a variable has."""
    return math.prod(int(size or 0) for size in int_shape(x) or ())


def is_tensor(x: Any) -> bool:
    """Whether a value is a tensor, symbolic or not."""
    return isinstance(x, Tensor | SymbolicTensor)


def is_keras_tensor(x: Any) -> bool:
    """Whether a tensor comes from `Input` or from a layer; a `placeholder` and results of functions do not.

    Raises:
        InvalidArgumentError: if it is no tensor at all.
    """
    if not is_tensor(x):
        raise InvalidArgumentError(f"is_keras_tensor asks about tensors. Received: {type(x).__name__}.")
    from batchyard.models.engine.operation import Operation

    if not isinstance(x, SymbolicTensor) or not hasattr(x, "_keras_history"):
        return False
    return not isinstance(x._keras_history.layer, Operation) and not hasattr(x, "_is_placeholder")


def is_placeholder(x: Any) -> bool:
    """Whether a symbolic tensor is one to be fed, and computed from nothing."""
    history = getattr(x, "_keras_history", None)
    return history is not None and history.layer._inbound_nodes[history.node_index].is_entry


def is_sparse(tensor: Any) -> bool:
    """Whether a tensor stores only what is not zero."""
    if isinstance(tensor, SymbolicTensor):
        return tensor._is_sparse
    return isinstance(tensor, Tensor) and tensor.layout != torch.strided


@operation
def to_dense(tensor: Any) -> Any:
    """Returns a sparse tensor with all its zeros, any other as it is."""
    return tensor.to_dense() if tensor.layout != torch.strided else tensor


def eval(x: Any) -> Any:
    """Returns the value of a tensor as an array.

    Raises:
        GraphError: if it depends on inputs that are not fed.
    """
    if isinstance(x, SymbolicTensor):
        from batchyard.models.backend.functions import function

        return function([], [x])([])[0]
    return to_array(x)


def to_array(x: Any) -> Any:
    """Returns a tensor as an array; a number as it is."""
    if isinstance(x, Tensor):
        dense = x.to_dense() if x.layout != torch.strided else x
        return dense.detach().cpu().numpy().copy()
    return x


def batch_get_value(ops: Any) -> list[Any]:
    """Returns the values of several variables."""
    return [get_value(x) for x in ops]


def batch_set_value(tuples: Any) -> None:
    """Changes several variables: pairs of variable and value."""
    for x, value in tuples:
        set_value(x, value)


@operation
def cast(x: Any, dtype: Any) -> Tensor:
    """Returns the numbers in another type."""
    return as_tensor(x).to(torch_dtype(dtype))


def cast_to_floatx(x: Any) -> NDArray[Any]:
    """Returns an array in the default float type."""
    return np.asarray(to_array(x), dtype=floatx())


@operation
def print_tensor(x: Any, message: str = "") -> Any:
    """Returns the tensor as it is, and writes it to the standard output when it is computed."""
    import sys

    if not as_tensor(x).is_meta:
        sys.stdout.write(f"{message}{to_array(x)}\n")
    return x
