"""Values nested in lists, tuples and dictionaries: replaced leaf by leaf."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Slot", "fill", "map_structure"]


@dataclass(frozen=True)
class Slot:
    """Stands for the tensor of that number."""

    number: int


def map_structure(value: Any, visit: Callable[[Any], Any]) -> Any:
    """Returns a value with its leaves replaced.

    Args:
        value: lists, tuples, dictionaries and slices at any depth, and leaves.
        visit: gives a leaf's replacement.
    """
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[map_structure(item, visit) for item in value])
    if isinstance(value, torch.Size):
        return value
    if isinstance(value, list | tuple):
        return type(value)([map_structure(item, visit) for item in value])
    if isinstance(value, dict):
        return {key: map_structure(item, visit) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(*[map_structure(item, visit) for item in (value.start, value.stop, value.step)])
    return visit(value)


def fill(value: Any, tensors: Sequence[Any]) -> Any:
    """Returns a value with tensors in the place of its slots."""
    return map_structure(value, lambda leaf: tensors[leaf.number] if isinstance(leaf, Slot) else leaf)
