"""Keras's module of that name: small helpers that code of its time imports."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from batchyard.models.callbacks.progress_bar import Progbar
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.saving.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
)
from batchyard.models.utils.function_code import func_dump, func_load
from batchyard.models.utils.keras_object import deserialize_keras_object, serialize_keras_object

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "custom_object_scope",
    "deserialize_keras_object",
    "func_dump",
    "func_load",
    "get_custom_objects",
    "has_arg",
    "is_all_none",
    "object_list_uid",
    "serialize_keras_object",
    "slice_arrays",
    "to_list",
    "transpose_shape",
    "unpack_singleton",
]


def has_arg(fn: Callable[..., Any], name: str, accept_all: bool = False) -> bool:
    """Returns whether a function takes an argument by keyword.

    Args:
        fn: the function.
        name: of the argument.
        accept_all: whether `**kwargs` counts too.
    """
    parameters = inspect.signature(fn).parameters
    if name in parameters:
        return parameters[name].kind in (
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.KEYWORD_ONLY,
        )
    return accept_all and any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def to_list(x: Any, allow_tuple: bool = False) -> list[Any]:
    """Returns a list as it is, anything else as a list of one.

    Args:
        x: a value or a list.
        allow_tuple: whether a tuple becomes a list of its items.
    """
    if isinstance(x, list):
        return x
    return list(x) if allow_tuple and isinstance(x, tuple) else [x]


def unpack_singleton(x: Any) -> Any:
    """Returns the only item of a sequence of one, anything else as it is."""
    return x[0] if len(x) == 1 else x


def object_list_uid(object_list: Any) -> str:
    """Returns a text that tells lists of objects apart."""
    return ", ".join(str(abs(id(item))) for item in to_list(object_list))


def is_all_none(iterable_or_element: Any) -> bool:
    """Returns whether a value is None, or a list or tuple of nothing else."""
    return all(item is None for item in to_list(iterable_or_element, allow_tuple=True))


def slice_arrays(arrays: Any, start: Any = None, stop: int | None = None) -> Any:
    """Returns some rows of an array, or of each array of a list.

    Args:
        arrays: an array, a list of arrays, or None.
        start: the first row, or the numbers of the rows.
        stop: the row after the last one.
    """
    if arrays is None:
        return [None]
    if isinstance(arrays, list):
        return [None if array is None else _rows(array, start, stop) for array in arrays]
    return _rows(arrays, start, stop)


def _rows(array: Any, start: Any, stop: int | None) -> Any:
    if hasattr(start, "__len__"):
        return array[start.tolist() if hasattr(start, "shape") else start]
    return array[start:stop]


def transpose_shape(shape: Any, target_format: str, spatial_axes: Sequence[int]) -> Any:
    """Moves the channel axis of a shape from the end to where a data format has it.

    Args:
        shape: with the channels last.
        target_format: "channels_first" or "channels_last".
        spatial_axes: the axes of space, in the order of the shape.
    """
    if target_format == "channels_last":
        return shape
    if target_format != "channels_first":
        raise InvalidArgumentError(f"Unknown data format {target_format!r}.")
    first = spatial_axes[0]
    moved = (*shape[:first], shape[-1], *(shape[axis] for axis in spatial_axes))
    return type(shape)(moved) if isinstance(shape, list | tuple) else moved
