"""Tensors that a configuration refers to, by layer, call and place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["Reference", "as_reference", "references"]


class Reference(NamedTuple):
    """The output of a call of a layer."""

    layer: str
    node: int
    place: int


def as_reference(value: Any, names: Collection[str]) -> Reference | None:
    """Returns the tensor that a list [layer, call, place] of tf.keras stands for; None for other values.

    Args:
        value: what stands in a configuration.
        names: the layers that there are.
    """
    if isinstance(value, Reference):
        return value
    if (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and value[0] in names
        and all(isinstance(one, int) and not isinstance(one, bool) for one in value[1:3])
    ):
        return Reference(value[0], value[1], value[2])
    return None


def references(value: Any) -> Iterator[Reference]:
    """Yields the tensors within lists and dictionaries; those of a dictionary in the order of its keys."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from references(item)
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from references(value[key])
