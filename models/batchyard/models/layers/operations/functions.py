"""Functions on tensors by name: the allow-list of what an operation in a file may compute.

Names, arguments and numbers are those of `keras.ops` in Keras 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.errors import InvalidArgumentError, UnknownNameError

__all__ = ["find_operation", "has_operation"]

#: Into how many parts a tensor may be cut: a file may ask for any number.
_PARTS_LIMIT = 4096
_operations: dict[str, Callable[..., Any]] = {}

Axis = int | Sequence[int] | None


def has_operation(name: str) -> bool:
    """Whether there is an operation of that name."""
    return name in _operations


def find_operation(name: str) -> Callable[..., Any]:
    """Returns the function that an operation computes.

    Args:
        name: as in `keras.ops`.

    Raises:
        UnknownNameError: if it is not on the list.
    """
    if name not in _operations:
        raise UnknownNameError.of("operation", name, _operations)
    return _operations[name]


def _expect_few(count: int) -> None:
    if not 0 <= count <= _PARTS_LIMIT:
        raise InvalidArgumentError(
            f"An operation may cut a tensor into {_PARTS_LIMIT} parts at most. Received: {count}."
        )


def _known_as(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        _operations.update(dict.fromkeys(names, function))
        return function

    return add


def _as_tensor(value: Any, like: Tensor) -> Tensor:
    return (
        value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=like.dtype, device=like.device)
    )


def _pair(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    like = x1 if isinstance(x1, Tensor) else x2
    return _as_tensor(x1, like), _as_tensor(x2, like)


def _binary(function: Callable[[Tensor, Tensor], Tensor], *names: str) -> None:
    def apply(x1: Any, x2: Any) -> Tensor:
        return function(*_pair(x1, x2))

    apply.__name__ = names[0]
    _known_as(*names)(apply)


def _unary(function: Callable[[Tensor], Tensor], *names: str) -> None:
    def apply(x: Tensor) -> Tensor:
        return function(x)

    apply.__name__ = names[0]
    _known_as(*names)(apply)


_BINARY: dict[tuple[str, ...], Any] = {
    ("add",): torch.add,
    ("subtract",): torch.subtract,
    ("multiply",): torch.multiply,
    ("divide", "true_divide"): torch.true_divide,
    ("floor_divide",): torch.floor_divide,
    ("power",): torch.pow,
    ("mod",): torch.remainder,
    ("maximum",): torch.maximum,
    ("minimum",): torch.minimum,
    ("matmul",): torch.matmul,
    ("equal",): torch.eq,
    ("not_equal",): torch.ne,
    ("greater",): torch.gt,
    ("greater_equal",): torch.ge,
    ("less",): torch.lt,
    ("less_equal",): torch.le,
    ("logical_and",): torch.logical_and,
    ("logical_or",): torch.logical_or,
}
for _names, _function in _BINARY.items():
    _binary(_function, *_names)

_UNARY: dict[str, Any] = {
    "abs": torch.abs,
    "absolute": torch.abs,
    "ceil": torch.ceil,
    "cos": torch.cos,
    "erf": torch.erf,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "floor": torch.floor,
    "identity": torch.clone,
    "isfinite": torch.isfinite,
    "isnan": torch.isnan,
    "log": torch.log,
    "log1p": torch.log1p,
    "logical_not": torch.logical_not,
    "negative": torch.neg,
    "ones_like": torch.ones_like,
    "reciprocal": torch.reciprocal,
    "relu": torch.relu,
    "relu6": functional.relu6,
    "round": torch.round,
    "rsqrt": torch.rsqrt,
    "selu": functional.selu,
    "sigmoid": torch.sigmoid,
    "sign": torch.sign,
    "silu": functional.silu,
    "sin": torch.sin,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "sqrt": torch.sqrt,
    "square": torch.square,
    "tan": torch.tan,
    "tanh": torch.tanh,
    "zeros_like": torch.zeros_like,
    "hard_sigmoid": functional.hardsigmoid,
}
for _name, _single in _UNARY.items():
    _unary(_single, _name)


def _axes(x: Tensor, axis: Axis) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    return (axis,) if isinstance(axis, int) else tuple(int(one) for one in axis)


def _number(x: Tensor) -> Tensor:
    return x if x.is_floating_point() else x.to(torch_dtype("float32"))


@_known_as("sum")
def _sum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    return torch.sum(x, _axes(x, axis), keepdim=keepdims)


@_known_as("mean")
def _mean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    return torch.mean(_number(x), _axes(x, axis), keepdim=keepdims)


@_known_as("max")
def _max(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    found = torch.amax(x, _axes(x, axis), keepdim=keepdims)
    return found if initial is None else torch.clamp(found, min=initial)


@_known_as("min")
def _min(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    found = torch.amin(x, _axes(x, axis), keepdim=keepdims)
    return found if initial is None else torch.clamp(found, max=initial)


@_known_as("prod")
def _prod(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    for one in sorted((place % x.ndim for place in _axes(x, axis)), reverse=True):
        x = torch.prod(x, one, keepdim=keepdims)
    return x


@_known_as("var")
def _var(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    return torch.var(x, _axes(x, axis), correction=0, keepdim=keepdims)


@_known_as("std")
def _std(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    return torch.std(x, _axes(x, axis), correction=0, keepdim=keepdims)


@_known_as("any")
def _any(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    return torch.any(x, _axes(x, axis), keepdim=keepdims)


@_known_as("all")
def _all(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    return torch.all(x, _axes(x, axis), keepdim=keepdims)


@_known_as("logsumexp")
def _logsumexp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    return torch.logsumexp(x, _axes(x, axis), keepdim=keepdims)


@_known_as("argmax")
def _argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    return torch.argmax(x, axis, keepdim=keepdims).to(torch.int32)


@_known_as("argmin")
def _argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    return torch.argmin(x, axis, keepdim=keepdims).to(torch.int32)


@_known_as("cumsum")
def _cumsum(x: Tensor, axis: int = 0) -> Tensor:
    return torch.cumsum(x, axis)


@_known_as("softmax")
def _softmax(x: Tensor, axis: int = -1) -> Tensor:
    return torch.softmax(x, axis)


@_known_as("log_softmax")
def _log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    return torch.log_softmax(x, axis)


@_known_as("elu")
def _elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    return functional.elu(x, alpha)


@_known_as("leaky_relu")
def _leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    return functional.leaky_relu(x, negative_slope)


@_known_as("gelu")
def _gelu(x: Tensor, approximate: bool = True) -> Tensor:
    return functional.gelu(x, approximate="tanh" if approximate else "none")


@_known_as("clip")
def _clip(x: Tensor, x_min: Any, x_max: Any) -> Tensor:
    return torch.clamp(x, x_min, x_max)


@_known_as("cast")
def _cast(x: Tensor, dtype: str) -> Tensor:
    return x.to(torch_dtype(dtype))


@_known_as("where")
def _where(condition: Tensor, x1: Any, x2: Any) -> Tensor:
    return torch.where(condition.bool(), x1, x2)


@_known_as("reshape")
def _reshape(x: Tensor, newshape: Sequence[int]) -> Tensor:
    return torch.reshape(x, tuple(newshape))


@_known_as("transpose")
def _transpose(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    return torch.permute(x, tuple(axes) if axes else tuple(reversed(range(x.ndim))))


@_known_as("swapaxes")
def _swapaxes(x: Tensor, axis1: int, axis2: int) -> Tensor:
    return torch.swapaxes(x, axis1, axis2)


@_known_as("expand_dims")
def _expand_dims(x: Tensor, axis: Axis) -> Tensor:
    for one in sorted(_axes(x, axis)):
        x = torch.unsqueeze(x, one)
    return x


@_known_as("squeeze")
def _squeeze(x: Tensor, axis: Axis = None) -> Tensor:
    return torch.squeeze(x) if axis is None else torch.squeeze(x, _axes(x, axis))


@_known_as("concatenate")
def _concatenate(xs: Sequence[Tensor], axis: int = 0) -> Tensor:
    return torch.cat(list(xs), axis)


@_known_as("stack")
def _stack(x: Sequence[Tensor], axis: int = 0) -> Tensor:
    return torch.stack(list(x), axis)


@_known_as("unstack")
def _unstack(x: Tensor, num: int | None = None, axis: int = 0) -> list[Tensor]:
    _expect_few(x.shape[axis])
    return list(torch.unbind(x, axis))


@_known_as("split")
def _split(x: Tensor, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    _expect_few(indices_or_sections if isinstance(indices_or_sections, int) else len(indices_or_sections))
    if isinstance(indices_or_sections, int):
        return list(torch.tensor_split(x, indices_or_sections, axis))
    return list(torch.tensor_split(x, [int(one) for one in indices_or_sections], axis))


@_known_as("tile")
def _tile(x: Tensor, repeats: int | Sequence[int]) -> Tensor:
    return torch.tile(x, (repeats,) if isinstance(repeats, int) else tuple(repeats))


@_known_as("repeat")
def _repeat(x: Tensor, repeats: int, axis: int | None = None) -> Tensor:
    return torch.repeat_interleave(x, repeats, axis)


@_known_as("flip")
def _flip(x: Tensor, axis: Axis = None) -> Tensor:
    return torch.flip(x, _axes(x, axis))


@_known_as("take")
def _take(x: Tensor, indices: Any, axis: int) -> Tensor:
    places = torch.as_tensor(indices, device=x.device).long()
    found = torch.index_select(x, axis, places.reshape(-1))
    place = axis % x.ndim
    return found.reshape(*x.shape[:place], *places.shape, *x.shape[place + 1 :])


@_known_as("pad")
def _pad(x: Tensor, pad_width: Sequence[Sequence[int]], constant_values: float | None = None) -> Tensor:
    widths = [int(width) for sides in reversed(list(pad_width)) for width in sides]
    return functional.pad(x, widths, value=constant_values or 0.0)


@_known_as("one_hot")
def _one_hot(x: Tensor, num_classes: int, axis: int = -1, dtype: str | None = None) -> Tensor:
    classes = torch.arange(num_classes, device=x.device)
    found = (x.unsqueeze(-1) == classes).to(torch_dtype(dtype or "float32"))
    return found if axis == -1 else torch.movedim(found, -1, axis)


@_known_as("l2_normalize")
def _l2_normalize(x: Tensor, axis: Axis = None, epsilon: float = 1e-12) -> Tensor:
    squares = torch.sum(torch.square(x), _axes(x, axis), keepdim=True)
    return x * torch.rsqrt(torch.clamp(squares, min=epsilon))


@_known_as("get_item")
def _get_item(x: Tensor, key: Any) -> Tensor:
    keys = key if isinstance(key, tuple) else tuple(key) if isinstance(key, list) else (key,)
    steps = [one.step for one in keys if isinstance(one, slice)]
    if all(step is None or step > 0 for step in steps):
        return x[keys]
    # torch knows no negative steps: turn these axes, and take the rest
    axis = 0
    turned: list[Any] = []
    for place, one in enumerate(keys):
        if one is Ellipsis:
            axis = x.ndim - len([k for k in keys[place + 1 :] if k is not None])
            turned.append(one)
        elif isinstance(one, slice) and one.step is not None and one.step < 0:
            x = torch.index_select(x, axis, torch.arange(*one.indices(x.shape[axis]), device=x.device))
            turned.append(slice(None))
            axis += 1
        else:
            turned.append(one)
            axis += one is not None
    return x[tuple(turned)]
