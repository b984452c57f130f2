"""The merge layers as functions: make the layer, and call it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from batchyard.models.layers.merge.concatenate import Concatenate
from batchyard.models.layers.merge.dot import Dot
from batchyard.models.layers.merge.elementwise import Add, Average, Maximum, Minimum, Multiply, Subtract

__all__ = ["add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract"]


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Returns the sum of tensors; further arguments are the layer's."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Returns the difference of two tensors; further arguments are the layer's."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Returns the product of tensors; further arguments are the layer's."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Returns the mean of tensors; further arguments are the layer's."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Returns the greatest of tensors; further arguments are the layer's."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Returns the least of tensors; further arguments are the layer's."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """Returns tensors one after the other along an axis; further arguments are the layer's."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence[Any], axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> Any:
    """Returns the products of two tensors, summed along axes; further arguments are the layer's."""
    return Dot(axes=axes, normalize=normalize, **kwargs)(inputs)
