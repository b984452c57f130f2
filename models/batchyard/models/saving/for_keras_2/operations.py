"""Functions on tensors as layers of Keras 2.2.4."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from batchyard.models.engine.symbolic import SymbolicTensor
from batchyard.models.saving.for_keras_2.expressions import Expression, activated, scaled

__all__ = ["computed"]

Result = SymbolicTensor | None
_ACTIVATIONS = {
    "exp": "exponential",
    "hard_sigmoid": "hard_sigmoid_of_keras_3",
    "identity": "linear",
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "silu": "silu",
    "softplus": "softplus",
    "softsign": "softsign",
    "tanh": "tanh",
}
_MERGES = {
    "add": "Add",
    "maximum": "Maximum",
    "minimum": "Minimum",
    "multiply": "Multiply",
    "subtract": "Subtract",
}


def computed(layer: Any, tensors: Sequence[SymbolicTensor], name: str) -> Result:
    """Return what a `NamedOperation` computes, by layers of Keras 2.2.4; None where there are none.

    Args:
        layer: the operation.
        tensors: its inputs: floats of known rank, without masks.
        name: the beginning of the new layers' names.
    """
    from batchyard.models.layers.operations.functions import find_operation

    config = layer.get_config()
    arguments = inspect.signature(find_operation(layer.operation)).bind(
        *_filled(config["args"], tensors), **_filled(config["kwargs"], tensors)
    )
    arguments.apply_defaults()
    made, values = Expression(name), dict(arguments.arguments)
    if layer.operation in _ACTIVATIONS:
        return activated(made, values["x"], _ACTIVATIONS[layer.operation])
    rule = _RULES.get(layer.operation)
    return None if rule is None else rule(made, layer.operation, values)


def _filled(value: Any, tensors: Sequence[SymbolicTensor]) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"input"}:
            return tensors[value["input"]]
        return {key: _filled(item, tensors) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, tensors) for item in value]
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _arithmetic(made: Expression, name: str, given: dict[str, Any]) -> Result:
    one, other = given["x1"], given["x2"]
    if isinstance(one, SymbolicTensor) and isinstance(other, SymbolicTensor):
        alike = len(one.shape) == len(other.shape)  # Keras 2.2.4 has a way of its own to align ranks
        return made.apply(_MERGES[name], [one, other]) if name in _MERGES and alike else None
    if _is_number(other):
        numbers = {
            "add": (1.0, other),
            "divide": (1.0 / other if other else math.inf, 0.0),
            "multiply": (other, 0.0),
            "subtract": (1.0, -other),
        }
        if name == "power" and other in (1, 2, 3):
            return made.apply("Multiply", [one] * int(other)) if other > 1 else activated(made, one, "linear")
        tensor = one
    elif _is_number(one):
        numbers = {"add": (1.0, one), "multiply": (one, 0.0), "subtract": (-1.0, one)}
        tensor, other = other, one
    else:
        return None
    if name == "maximum" and other == 0:
        return activated(made, tensor, "relu")
    return scaled(made, tensor, *map(float, numbers[name])) if name in numbers else None


def _negative(made: Expression, name: str, given: dict[str, Any]) -> Result:
    return scaled(made, given["x"], -1.0)


def _absolute(made: Expression, name: str, given: dict[str, Any]) -> Result:
    opposite = scaled(made, given["x"], -1.0)
    return None if opposite is None else made.apply("Maximum", [given["x"], opposite])


def _square(made: Expression, name: str, given: dict[str, Any]) -> Result:
    return made.apply("Multiply", [given["x"]] * 2)


def _elu(made: Expression, name: str, given: dict[str, Any]) -> Result:
    return made.apply("ELU", given["x"], alpha=float(given["alpha"]))


def _leaky_relu(made: Expression, name: str, given: dict[str, Any]) -> Result:
    return made.apply("LeakyReLU", given["x"], alpha=float(given["negative_slope"]))


def _softmax(made: Expression, name: str, given: dict[str, Any]) -> Result:
    return made.apply("Softmax", given["x"], axis=given["axis"])


def _clip(made: Expression, name: str, given: dict[str, Any]) -> Result:
    low, high = given["x_min"], given["x_max"]
    if not (_is_number(low) and _is_number(high) and low == 0 < high):
        return None
    return made.apply("ReLU", given["x"], max_value=float(high))


def _cast(made: Expression, name: str, given: dict[str, Any]) -> Result:
    return activated(made, given["x"], "linear") if given["dtype"] == "float32" else None


def _reduced(made: Expression, name: str, given: dict[str, Any]) -> Result:
    """Mean, greatest or sum over all places, with the channels first or last."""
    x, axis = given["x"], given["axis"]
    rank = len(x.shape)
    if axis is None or not 3 <= rank <= 5 or given.get("initial") is not None:
        return None
    axes = sorted(one % rank for one in ([axis] if isinstance(axis, int) else axis))
    last, first = list(range(1, rank - 1)), list(range(2, rank))
    if axes not in (last, first):
        return None
    order = {}
    if rank > 3:
        order["data_format"] = "channels_last" if axes == last else "channels_first"
    elif axes == first:
        x = made.apply("Permute", x, dims=(2, 1))
    kind = "Max" if name == "max" else "Average"
    found: Result = made.apply(f"Global{kind}Pooling{rank - 2}D", x, **order)
    if name == "sum":
        sizes = [given["x"].shape[one] for one in axes]
        if None in sizes:
            return None
        found = scaled(made, found, float(math.prod(sizes)))  # type: ignore[arg-type]
    if found is None or not given["keepdims"]:
        return found
    return _reshaped(made, found, [1 if one in axes else given["x"].shape[one] for one in range(1, rank)])


def _reshaped(made: Expression, x: SymbolicTensor, shape: Sequence[int | None]) -> Result:
    if sum(size is None for size in shape) > 1:
        return None
    return made.apply("Reshape", x, target_shape=[-1 if size is None else size for size in shape])


def _reshape(made: Expression, name: str, given: dict[str, Any]) -> Result:
    x, shape = given["x"], given["newshape"]
    known = all(_is_number(size) and size > 0 for size in shape[1:]) and None not in x.shape[1:]
    if not known or math.prod(shape[1:]) != math.prod(x.shape[1:]):
        return None  # rows would be joined or parted
    return _reshaped(made, x, shape[1:])


def _expand_dims(made: Expression, name: str, given: dict[str, Any]) -> Result:
    x, axis = given["x"], given["axis"]
    place = axis + len(x.shape) + 1 if isinstance(axis, int) and axis < 0 else axis
    if not isinstance(place, int) or place < 1:
        return None
    return _reshaped(made, x, [*x.shape[1:place], 1, *x.shape[place:]])


def _squeeze(made: Expression, name: str, given: dict[str, Any]) -> Result:
    x, axis = given["x"], given["axis"]
    if axis is None:
        return None
    dropped = {one % len(x.shape) for one in ([axis] if isinstance(axis, int) else axis)}
    return None if 0 in dropped else _reshaped(made, x, _without(x, dropped))


def _without(x: SymbolicTensor, axes: set[int]) -> list[int | None]:
    return [size for place, size in enumerate(x.shape) if place and place not in axes]


def _transpose(made: Expression, name: str, given: dict[str, Any]) -> Result:
    x, axes = given["x"], given.get("axes")
    order = list(range(len(x.shape)))
    if name == "swapaxes":
        one, other = given["axis1"] % len(order), given["axis2"] % len(order)
        order[one], order[other] = order[other], order[one]
    elif axes is None:
        return None
    else:
        order = [one % len(order) for one in axes]
    return made.apply("Permute", x, dims=tuple(order[1:])) if order[0] == 0 else None


def _concatenate(made: Expression, name: str, given: dict[str, Any]) -> Result:
    xs, axis = given["xs"], given["axis"]
    if len(xs) < 2 or axis % len(xs[0].shape) == 0:
        return None
    return made.apply("Concatenate", list(xs), axis=axis)


def _stack(made: Expression, name: str, given: dict[str, Any]) -> Result:
    xs, axis = given["x"], given["axis"]
    place = axis % (len(xs[0].shape) + 1)
    rows = [_expand_dims(made, "expand_dims", {"x": x, "axis": place}) for x in xs]
    if len(rows) < 2 or None in rows:
        return None
    return made.apply("Concatenate", rows, axis=place)


def _matmul(made: Expression, name: str, given: dict[str, Any]) -> Result:
    one, other = given["x1"], given["x2"]
    tensors = isinstance(one, SymbolicTensor) and isinstance(other, SymbolicTensor)
    if not tensors or len(one.shape) != 3 or len(other.shape) != 3:
        return None
    return made.apply("Dot", [one, other], axes=(2, 1))


def _get_item(made: Expression, name: str, given: dict[str, Any]) -> Result:
    """Slices without steps, and single places, of tensors whose sizes are known."""
    x, key = given["x"], given["key"]
    places = list(key) if isinstance(key, list) else [key]
    if {"ellipsis": True} in places:
        at = places.index({"ellipsis": True})
        places[at : at + 1] = [{"slice": [None] * 3}] * (len(x.shape) - len(places) + 1)
    everything = {"slice": [None, None, None]}
    if not places or places[0] != everything or None in x.shape[1:] or len(places) > len(x.shape):
        return None
    dropped: set[int] = set()
    for axis, place in enumerate(places[1:], 1):
        size = x.shape[axis]
        if isinstance(place, int) and not isinstance(place, bool) and -size <= place < size:
            dropped.add(axis)
            start, stop = place % size, place % size + 1
        elif isinstance(place, dict) and all(one is None or isinstance(one, int) for one in place["slice"]):
            start, stop, step = slice(*place["slice"]).indices(size)
            if step != 1 or start >= stop:
                return None
        else:
            return None
        if (start, stop) != (0, size):
            before, after = math.prod(x.shape[1:axis]), math.prod(x.shape[axis + 1 :])
            shape = [*x.shape[1:axis], stop - start, *x.shape[axis + 1 :]]
            x = made.apply("Reshape", x, target_shape=[before, size, after])
            sides = ((0, 0), (start, size - stop))
            x = made.apply("Cropping2D", x, cropping=sides, data_format="channels_last")
            x = made.apply("Reshape", x, target_shape=shape)
    if dropped:
        return made.apply("Reshape", x, target_shape=_without(x, dropped))
    return activated(made, x, "linear") if x is given["x"] else x


_RULES: dict[str, Callable[[Expression, str, dict[str, Any]], Result]] = {
    **dict.fromkeys(("add", "divide", "maximum", "minimum", "multiply", "power", "subtract"), _arithmetic),
    **dict.fromkeys(("max", "mean", "sum"), _reduced),
    **dict.fromkeys(("transpose", "swapaxes"), _transpose),
    **dict.fromkeys(("abs", "absolute"), _absolute),
    "cast": _cast,
    "clip": _clip,
    "concatenate": _concatenate,
    "elu": _elu,
    "expand_dims": _expand_dims,
    "get_item": _get_item,
    "leaky_relu": _leaky_relu,
    "matmul": _matmul,
    "negative": _negative,
    "reshape": _reshape,
    "softmax": _softmax,
    "square": _square,
    "squeeze": _squeeze,
    "stack": _stack,
}
