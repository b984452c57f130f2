"""Names that the user adds to those that files and job files may use.

This module imports nothing of the package, so that every registry can ask it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_custom_objects: dict[str, Any] = {}


def get_custom_objects() -> dict[str, Any]:
    """Return the live dictionary of custom objects; what is put into it stays until removed.

    Example:
        >>> get_custom_objects()["Swish"] = lambda x: x
        >>> del get_custom_objects()["Swish"]
    """
    return _custom_objects


class CustomObjectScope:
    """A `with` block in which further names may be used by configurations.

    On leaving, the custom objects are what they were on entering, whatever happened in the block.

    Args:
        *args: dictionaries from name to class or function; later ones win.

    Example:
        >>> with CustomObjectScope({"identity": lambda x: x}):
        ...     "identity" in get_custom_objects()
        True

    Source: Keras 2.2.4, `utils.CustomObjectScope`.
    """

    def __init__(self, *args: Mapping[str, Any]) -> None:
        self._objects = args
        self._before: list[dict[str, Any]] = []

    def __enter__(self) -> CustomObjectScope:
        self._before.append(dict(_custom_objects))
        for objects in self._objects:
            _custom_objects.update(objects)
        return self

    def __exit__(self, *_: object) -> None:
        _custom_objects.clear()
        _custom_objects.update(self._before.pop())


def custom_object_scope(*args: Mapping[str, Any]) -> CustomObjectScope:
    """Return a `CustomObjectScope`, Keras's spelling as a function."""
    return CustomObjectScope(*args)


@contextmanager
def scope_of(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Enter a scope with the value of a `custom_objects` argument, which may be None."""
    with CustomObjectScope(custom_objects or {}):
        yield


def find_custom_object(name: str, custom_objects: Mapping[str, Any] | None = None) -> Any | None:
    """Return the custom object of this name, or None: the argument first, then the open scopes."""
    if custom_objects is not None and name in custom_objects:
        return custom_objects[name]
    return _custom_objects.get(name)
