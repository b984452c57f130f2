"""Element by element, along axes, and products.

Source: Keras 2.2.4, `backend`.
"""

from __future__ import annotations

import builtins
from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.backend.symbolic_call import as_axes, as_tensor, operation

__all__ = [
    "abs",
    "all",
    "any",
    "argmax",
    "argmin",
    "batch_dot",
    "clip",
    "cos",
    "cumprod",
    "cumsum",
    "dot",
    "equal",
    "exp",
    "gather",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "log",
    "logsumexp",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "not_equal",
    "pow",
    "prod",
    "round",
    "sign",
    "sin",
    "sqrt",
    "square",
    "std",
    "sum",
    "transpose",
    "var",
]


def _pair(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Returns two operands as tensors; numbers take the type of the tensor beside them."""
    like_x = x if isinstance(x, Tensor) else None
    like_y = y if isinstance(y, Tensor) else None
    return as_tensor(x, like=like_y), as_tensor(y, like=like_x)


# Element by element.


@operation
def abs(x: Any) -> Tensor:
    """Returns the amounts."""
    return torch.abs(as_tensor(x))


@operation
def sqrt(x: Any) -> Tensor:
    """Returns the square roots; 0 for negative numbers."""
    return torch.sqrt(torch.clamp(as_tensor(x), min=0.0))


@operation
def square(x: Any) -> Tensor:
    """Returns the squares."""
    return torch.square(as_tensor(x))


@operation
def exp(x: Any) -> Tensor:
    """Returns e to the power of x."""
    return torch.exp(as_tensor(x))


@operation
def log(x: Any) -> Tensor:
    """Returns the natural logarithms."""
    return torch.log(as_tensor(x))


@operation
def sin(x: Any) -> Tensor:
    """Returns the sines."""
    return torch.sin(as_tensor(x))


@operation
def cos(x: Any) -> Tensor:
    """Returns the cosines."""
    return torch.cos(as_tensor(x))


@operation
def sign(x: Any) -> Tensor:
    """Returns -1, 0 or 1."""
    return torch.sign(as_tensor(x))


@operation
def round(x: Any) -> Tensor:
    """Returns the nearest whole numbers, halves to even."""
    return torch.round(as_tensor(x))


@operation
def pow(x: Any, a: Any) -> Tensor:
    """Returns x to the power of a."""
    return torch.pow(as_tensor(x), a)


@operation
def clip(x: Any, min_value: Any, max_value: Any) -> Tensor:
    """Returns x cut to min_value … max_value; None for no limit."""
    tensor = as_tensor(x)
    if min_value is not None and max_value is not None and not isinstance(min_value, Tensor):
        max_value = builtins.max(min_value, max_value) if not isinstance(max_value, Tensor) else max_value
    if min_value is None and max_value is None:
        return tensor
    return torch.clamp(tensor, min_value, max_value)


@operation
def maximum(x: Any, y: Any) -> Tensor:
    """Returns the greater of two, element by element; where they are equal, the gradient is the first's."""
    x, y = _pair(x, y)
    return torch.where((x >= y) | torch.isnan(x), x, y)


@operation
def minimum(x: Any, y: Any) -> Tensor:
    """Returns the lesser of two, element by element; where they are equal, the gradient is the first's."""
    x, y = _pair(x, y)
    return torch.where((x <= y) | torch.isnan(x), x, y)


@operation
def equal(x: Any, y: Any) -> Tensor:
    """Returns where x = y."""
    return torch.eq(*_pair(x, y))


@operation
def not_equal(x: Any, y: Any) -> Tensor:
    """Returns where x ≠ y."""
    return torch.ne(*_pair(x, y))


@operation
def greater(x: Any, y: Any) -> Tensor:
    """Returns where x > y."""
    return torch.gt(*_pair(x, y))


@operation
def greater_equal(x: Any, y: Any) -> Tensor:
    """Returns where x ≥ y."""
    return torch.ge(*_pair(x, y))


@operation
def less(x: Any, y: Any) -> Tensor:
    """Returns where x < y."""
    return torch.lt(*_pair(x, y))


@operation
def less_equal(x: Any, y: Any) -> Tensor:
    """Returns where x ≤ y."""
    return torch.le(*_pair(x, y))


# Along axes: a number, several, or None for all.


def _float(x: Any) -> Tensor:
    tensor = as_tensor(x)
    return tensor.to(torch_dtype(None)) if tensor.dtype == torch.bool else tensor


@operation
def max(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Returns the greatest along axes."""
    tensor = as_tensor(x)
    return torch.amax(tensor, as_axes(axis, tensor.ndim), keepdims)


@operation
def min(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Returns the least along axes."""
    tensor = as_tensor(x)
    return torch.amin(tensor, as_axes(axis, tensor.ndim), keepdims)


@operation
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Returns the sums along axes."""
    tensor = as_tensor(x)
    return torch.sum(tensor, as_axes(axis, tensor.ndim), keepdims, dtype=_sum_type(tensor))


def _sum_type(tensor: Tensor) -> torch.dtype | None:
    return None if tensor.dtype == torch.bool else tensor.dtype


@operation
def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Returns the products along axes."""
    tensor = as_tensor(x)
    for one in sorted(as_axes(axis, tensor.ndim), reverse=True):
        tensor = torch.prod(tensor, one, keepdim=keepdims, dtype=_sum_type(tensor))
    return tensor


@operation
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Returns the means along axes."""
    tensor = _float(x)
    if not tensor.is_floating_point():
        kept = tensor.dtype
        return torch.mean(tensor.double(), as_axes(axis, tensor.ndim), keepdims).to(kept)
    return torch.mean(tensor, as_axes(axis, tensor.ndim), keepdims)


@operation
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Returns the variances along axes."""
    tensor = _float(x)
    return torch.var(tensor, as_axes(axis, tensor.ndim), correction=0, keepdim=keepdims)


@operation
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Returns the standard deviations along axes."""
    tensor = _float(x)
    return torch.sqrt(torch.var(tensor, as_axes(axis, tensor.ndim), correction=0, keepdim=keepdims))


@operation
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Returns whether any along axes is true."""
    tensor = as_tensor(x).to(torch.bool)
    for one in sorted(as_axes(axis, tensor.ndim), reverse=True):
        tensor = torch.any(tensor, one, keepdim=keepdims)
    return tensor


@operation
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Returns whether all along axes are true."""
    tensor = as_tensor(x).to(torch.bool)
    for one in sorted(as_axes(axis, tensor.ndim), reverse=True):
        tensor = torch.all(tensor, one, keepdim=keepdims)
    return tensor


@operation
def argmax(x: Any, axis: int = -1) -> Tensor:
    """Returns where along an axis the greatest is."""
    return torch.argmax(as_tensor(x), axis)


@operation
def argmin(x: Any, axis: int = -1) -> Tensor:
    """Returns where along an axis the least is."""
    return torch.argmin(as_tensor(x), axis)


@operation
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Returns the logarithms of the sums of exponentials along axes, without overflow."""
    tensor = as_tensor(x)
    return torch.logsumexp(tensor, as_axes(axis, tensor.ndim), keepdims)


@operation
def cumsum(x: Any, axis: int = 0) -> Tensor:
    """Returns the running sums along an axis."""
    return torch.cumsum(as_tensor(x), axis)


@operation
def cumprod(x: Any, axis: int = 0) -> Tensor:
    """Returns the running products along an axis."""
    return torch.cumprod(as_tensor(x), axis)


# Products.


@operation
def dot(x: Any, y: Any) -> Tensor:
    """Returns the products, summed along the last axis of x and the last but one of y."""
    one, other = as_tensor(x), as_tensor(y)
    if one.layout != torch.strided:
        return one.matmul(other)
    if one.ndim <= 2 and other.ndim <= 2:
        return torch.matmul(one, other)
    result: Tensor = torch.tensordot(one, other, dims=([one.ndim - 1], [builtins.max(other.ndim - 2, 0)]))
    return result


@operation
def batch_dot(x: Any, y: Any, axes: Any = None) -> Tensor:
    """Returns the products row by row, summed along an axis of each.

    Args:
        x: (batch, …).
        y: (batch, …).
        axes: the axis of both, or a pair; by default the last of x and the last but one of y.

    Returns:
        (batch, the other sizes of x, the other sizes of y); (batch, 1) if there are none. With four axes and
        more, where the summed ones are among the last two, all axes before these are taken as the batch, as
        Keras 2.2.4 did on TensorFlow: (batch, …, rows of x, columns of y).
    """
    one, other = as_tensor(x), as_tensor(y)
    if axes is None:
        axes = (one.ndim - 1, builtins.max(other.ndim - 2, 1))
    first, second = (axes, axes) if isinstance(axes, int) else axes
    first, second = first % one.ndim, second % other.ndim
    ndim = builtins.max(one.ndim, other.ndim)
    if ndim > 3 and builtins.min(first, second) >= ndim - 2:
        return _matrix_products(one, other, first, second, ndim)
    one, other = one.movedim(first, -1), other.movedim(second, -1)
    shape = (*one.shape[:-1], *other.shape[1:-1])
    rows, inner = one.shape[0], one.shape[-1]
    left = one.reshape(rows, _product(one.shape[1:-1]), inner)
    right = other.reshape(rows, _product(other.shape[1:-1]), inner)
    result = torch.matmul(left, right.transpose(1, 2)).reshape(shape)
    return result.unsqueeze(1) if result.ndim == 1 else result


def _matrix_products(one: Tensor, other: Tensor, first: int, second: int, ndim: int) -> Tensor:
    """Returns the products of the matrices in the last two axes; a missing one has size 1, at the end."""
    missing = one.ndim - other.ndim
    one = one.reshape(*one.shape, *[1] * (ndim - one.ndim))
    other = other.reshape(*other.shape, *[1] * (ndim - other.ndim))
    left = one if first == ndim - 1 else one.transpose(-1, -2)
    right = other.transpose(-1, -2) if second == ndim - 1 else other
    found = torch.matmul(left, right)
    return found if not missing else found.squeeze(-1) if missing > 0 else found.squeeze(-2)


def _product(sizes: Any) -> int:
    result = 1
    for size in sizes:
        result *= int(size)
    return result


@operation
def transpose(x: Any) -> Tensor:
    """Returns the axes in reverse order."""
    tensor = as_tensor(x)
    return tensor.permute(*reversed(range(tensor.ndim)))


@operation
def gather(reference: Any, indices: Any) -> Tensor:
    """Returns rows of a tensor by number."""
    tensor = as_tensor(reference)
    numbers = as_tensor(indices, "int64").to(tensor.device)
    return tensor.index_select(0, numbers.reshape(-1)).reshape(*numbers.shape, *tensor.shape[1:])
