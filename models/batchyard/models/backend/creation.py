"""Making tensors: variables, constants, placeholders.

Source: Keras 2.2.4, `backend`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.backend.names import get_uid
from batchyard.models.backend.random import random_normal, random_uniform
from batchyard.models.backend.symbolic_call import as_sizes, as_tensor, operation
from batchyard.models.engine.recording import numbers_of
from batchyard.models.engine.symbolic import SymbolicTensor
from batchyard.models.engine.variable import Variable
from batchyard.models.engine.weight import Constraint
from batchyard.models.errors import InvalidArgumentError

__all__ = [
    "arange",
    "constant",
    "eye",
    "identity",
    "ones",
    "ones_like",
    "placeholder",
    "random_normal_variable",
    "random_uniform_variable",
    "variable",
    "zeros",
    "zeros_like",
]


def variable(
    value: Any, dtype: Any = None, name: str | None = None, constraint: Constraint | None = None
) -> Variable:
    """Returns a new variable: a tensor that keeps its value between calls and can be changed in place.

    Args:
        value: array, number or tensor that it starts with; a sparse matrix of scipy makes a sparse variable.
        dtype: floatx by default.
        name: `variable_1`, … if not given.
        constraint: applied by optimizers after every update.
    """
    if isinstance(value, SymbolicTensor):
        value = numbers_of(value)
    if hasattr(value, "tocoo"):
        start = _sparse(value, dtype)
    elif isinstance(value, Tensor):
        start = value.detach().clone().to(torch_dtype(dtype))
    else:
        start = torch.tensor(np.asarray(value)).to(torch_dtype(dtype))
    label = name or f"variable_{get_uid('variable')}"
    return Variable.of(start, True, f"{label}:0", None, constraint)


def _sparse(matrix: Any, dtype: Any) -> Tensor:
    """Returns a sparse matrix of scipy as a sparse tensor."""
    places = matrix.tocoo()
    numbers = torch.tensor(places.data).to(torch_dtype(dtype))
    index = torch.from_numpy(np.stack([places.row, places.col]).astype("int64"))
    return torch.sparse_coo_tensor(index, numbers, places.shape, check_invariants=True).coalesce()


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Tensor:
    """Returns a tensor of a number (repeated to a shape) or of an array."""
    tensor = torch.tensor(np.asarray(value)).to(torch_dtype(dtype))
    if shape is None:
        return tensor
    sizes = as_sizes(shape)
    return tensor.reshape(sizes) if tensor.numel() == int(np.prod(sizes)) else tensor.expand(sizes).clone()


def placeholder(
    shape: Any = None, ndim: int | None = None, dtype: Any = None, sparse: bool = False, name: Any = None
) -> Any:
    """Returns a symbolic tensor to be fed: by `function`, or as the input of a model.

    Args:
        shape: with None for open sizes.
        ndim: number of axes of open size, instead.
        dtype: floatx by default.
        sparse: accepted for Keras's sake.
        name: of the input.
    """
    from batchyard.models.engine.input_layer import InputLayer

    if shape is None and ndim is None:
        raise InvalidArgumentError("A placeholder needs a shape or a number of axes. Received neither.")
    sizes = (None,) * int(ndim or 0) if shape is None else tuple(shape)
    label = name or f"placeholder_{get_uid('placeholder')}"
    tensor = InputLayer(batch_input_shape=sizes, dtype=dtype, name=label).input
    tensor._is_placeholder = True
    return tensor


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """Returns a new variable of zeros."""
    return variable(torch.zeros(as_sizes(shape)), dtype, name)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """Returns a new variable of ones."""
    return variable(torch.ones(as_sizes(shape)), dtype, name)


def eye(size: int, dtype: Any = None, name: str | None = None) -> Variable:
    """Returns a new variable: the unit matrix."""
    return variable(torch.eye(int(size)), dtype, name)


@operation
def zeros_like(x: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """Returns zeros in the shape of a tensor."""
    tensor = as_tensor(x)
    return torch.zeros_like(tensor.detach(), dtype=tensor.dtype if dtype is None else torch_dtype(dtype))


@operation
def ones_like(x: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """Returns ones in the shape of a tensor."""
    tensor = as_tensor(x)
    return torch.ones_like(tensor.detach(), dtype=tensor.dtype if dtype is None else torch_dtype(dtype))


@operation
def identity(x: Any, name: str | None = None) -> Tensor:
    """Returns a new tensor with the same numbers."""
    return as_tensor(x) * 1 if as_tensor(x).dtype != torch.bool else as_tensor(x).clone()


def random_uniform_variable(
    shape: Any, low: float, high: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """Returns a new variable of evenly distributed numbers."""
    return variable(random_uniform(shape, low, high, dtype, seed), dtype, name)


def random_normal_variable(
    shape: Any, mean: float, scale: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """Returns a new variable of normally distributed numbers."""
    return variable(random_normal(shape, mean, scale, dtype, seed), dtype, name)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = "int32") -> Tensor:
    """Returns start, start + step, … up to before stop; 0 up to before start if there is no stop."""
    first, last = (0, max(start, 0)) if stop is None else (start, stop)
    return torch.arange(first, last, step).to(torch_dtype(dtype))
