"""Lets one function serve tensors with numbers and symbolic ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from batchyard.models.backend.configuration import floatx, torch_dtype
from batchyard.models.engine.recording import holds_weight, records
from batchyard.models.engine.symbolic import SymbolicTensor, is_symbolic

__all__ = ["as_axes", "as_sizes", "as_tensor", "holds_symbolic", "method", "of_either", "operation"]

P = ParamSpec("P")
R = TypeVar("R")


def operation(function: Callable[P, R]) -> Callable[P, R]:
    """Decorates a function of torch tensors: called on symbolic ones, it becomes a node of their graph.

    So it does on variables, where these are recorded; see `engine.recording`.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if holds_symbolic(args) or (kwargs and holds_symbolic(kwargs)):
            from batchyard.models.engine.operation import apply_symbolically

            return apply_symbolically(function, args, kwargs)  # type: ignore[no-any-return]
        if (holds_weight(args) or (kwargs and holds_weight(kwargs))) and records():
            from batchyard.models.engine.operation import record

            return record(function, args, kwargs)  # type: ignore[no-any-return]
        return function(*args, **kwargs)

    return call


def method(function: Callable[..., R]) -> Callable[..., R]:
    """Decorates a method of torch tensors: called on symbolic ones, it becomes a node of their graph."""

    @wraps(function)
    def call(self: Any, inputs: Any, *args: Any, **kwargs: Any) -> R:
        if is_symbolic(inputs) and function not in _OF_EITHER:
            from batchyard.models.engine.operation import apply_symbolically

            bound = function.__get__(self)
            return apply_symbolically(bound, (inputs, *args), kwargs)  # type: ignore[no-any-return]
        return function(self, inputs, *args, **kwargs)

    return call


#: Functions that `method` leaves as they are.
_OF_EITHER: set[Callable[..., Any]] = set()


def of_either(function: Callable[P, R]) -> Callable[P, R]:
    """Marks a method that computes with torch's functions only, so that it may see symbolic tensors itself.

    Its result is symbolic only if it was computed from such a tensor.
    """
    _OF_EITHER.add(function)
    return function


def holds_symbolic(value: Any) -> bool:
    """Whether a symbolic tensor is in a value: itself, or within lists, tuples, dictionaries, slices."""
    if isinstance(value, SymbolicTensor):
        return True
    if isinstance(value, list | tuple):
        return any(holds_symbolic(item) for item in value)
    if isinstance(value, dict):
        return any(holds_symbolic(item) for item in value.values())
    if isinstance(value, slice):
        return holds_symbolic((value.start, value.stop, value.step))
    return False


def as_tensor(value: Any, dtype: Any = None, like: Tensor | None = None) -> Tensor:
    """Returns a tensor as it is, and numbers, lists and arrays as a tensor.

    Args:
        value: what becomes a tensor.
        dtype: of the result; for anything but tensors floatx by default, unless `like` is given.
        like: a tensor of whose dtype and device the result should be.
    """
    if isinstance(value, Tensor):
        return value if dtype is None else value.to(torch_dtype(dtype))
    if like is not None:
        return torch.as_tensor(np.array(value, order="C")).to(device=like.device, dtype=like.dtype)
    if dtype is None:
        dtype = value.dtype.name if isinstance(value, np.ndarray | np.generic) else floatx()
        dtype = floatx() if dtype == "object" else dtype
    return torch.tensor(np.array(value, order="C")).to(torch_dtype(dtype))


def as_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Returns axes as non-negative numbers; all for None."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, list | tuple) else [axis]
    return tuple(dict.fromkeys(int(one) % ndim if ndim else 0 for one in axes))


def as_sizes(shape: Any) -> tuple[int, ...]:
    """Returns a shape, which may be a tensor or hold some, as plain numbers; None becomes -1."""
    if isinstance(shape, Tensor):
        return tuple(shape.tolist()) if shape.ndim else (int(shape),)
    if isinstance(shape, int | np.integer):
        return (int(shape),)
    return tuple(-1 if size is None else int(size) for size in shape)
