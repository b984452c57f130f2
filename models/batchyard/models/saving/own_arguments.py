"""Arguments of layers that only this library has, kept in a file where no other reader minds them.

Keras refuses a layer with an argument that it doesn't know, and skips a key beside a model's class and
configuration: there they stand, each with its path.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from batchyard.models.errors import InvalidArgumentError

__all__ = ["KEY", "put_back", "set_aside"]

#: Beside `class_name` and `config` of a model.
KEY = "batchyard_arguments"
#: By class, the argument that is set aside, and its value where a configuration doesn't say it.
_OWN = {"BatchNormalization": ("statistics_of", "keras 2")}


def set_aside(described: Mapping[str, Any], implied: str = "keras 2") -> dict[str, Any]:
    """Return a model's description with this library's own arguments beside it.

    Args:
        described: class and configuration of a model.
        implied: the value that a reader takes where nothing is said; it isn't written.
    """
    found: list[list[Any]] = []
    config = _without(described["config"], ["config"], found, implied)
    beside = {KEY: found} if found else {}
    return {**described, "config": config, **beside}


def _without(value: Any, path: list[Any], found: list[list[Any]], implied: str) -> Any:
    if isinstance(value, list):
        return [_without(item, [*path, place], found, implied) for place, item in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    own = _OWN.get(value["class_name"]) if isinstance(value.get("class_name"), str) else None
    if own is None or not isinstance(value.get("config"), Mapping):
        return {key: _without(item, [*path, key], found, implied) for key, item in value.items()}
    name, default = own
    config = dict(value["config"])
    said = config.pop(name, default)
    if said != implied:
        found.append([[*path, "config", name], said])
    return {**value, "config": config}


def put_back(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's description with the arguments that were set aside in their places.

    Args:
        described: class and configuration of a model, and what stands beside them; left as it is.

    Raises:
        InvalidArgumentError: where what stands beside it leads nowhere.
    """
    rest = {key: item for key, item in described.items() if key != KEY}
    entries = described.get(KEY, [])
    if not isinstance(entries, list):
        raise _damaged(entries)
    if entries:
        rest = copy.deepcopy(rest)
    names = [name for name, _ in _OWN.values()]
    for entry in entries:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], list):
            raise _damaged(entry)
        *path, name = entry[0] or [None]
        place = _at(rest, path, entry)
        if not isinstance(place, dict) or name not in names:
            raise _damaged(entry)
        place[name] = entry[1]
    return rest


def _at(value: Any, path: list[Any], entry: Any) -> Any:
    """Return what stands at a path."""
    for key in path:
        in_list = isinstance(value, list) and type(key) is int and 0 <= key < len(value)
        if not in_list and not (isinstance(value, Mapping) and isinstance(key, str) and key in value):
            raise _damaged(entry)
        value = value[key]
    return value


def _damaged(entry: Any) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"Expected in {KEY!r} of a model's configuration paths to arguments of layers, each with a value; "
        f"found {entry!r:.200}. Without that key the model opens, with the layers' defaults."
    )
