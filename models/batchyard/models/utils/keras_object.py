"""Objects as class name and configuration, and back, for registries of the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from batchyard.models.errors import InvalidArgumentError, UnknownNameError
from batchyard.models.saving.custom_objects import CustomObjectScope, find_custom_object

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def serialize_keras_object(instance: Any) -> Any:
    """Returns an object's class name and configuration, or a function's name; None for None.

    Args:
        instance: what has `get_config`, or a function.

    Source: Keras 2.2.4, `utils.serialize_keras_object`.
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        return {"class_name": type(instance).__name__, "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return instance.__name__
    raise InvalidArgumentError(f"Cannot describe {instance!r}: it has neither get_config nor a name.")


def deserialize_keras_object(
    identifier: Any,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """Returns what `serialize_keras_object` described.

    Args:
        identifier: a name, or `{"class_name": …, "config": …}`.
        module_objects: what names may stand for.
        custom_objects: further such; they come first.
        printable_module_name: the kind of thing, for messages.

    Source: Keras 2.2.4, `utils.deserialize_keras_object`.
    """
    described = isinstance(identifier, Mapping)
    if described and not {"class_name", "config"} <= set(identifier):
        raise InvalidArgumentError(
            f"A {printable_module_name} is described by class_name and config. Received: {identifier!r}."
        )
    if not described and not isinstance(identifier, str):
        raise InvalidArgumentError(f"{identifier!r} describes no {printable_module_name}.")
    name = identifier["class_name"] if described else identifier
    known = module_objects or {}
    found = find_custom_object(name, custom_objects)
    found = known.get(name) if found is None else found
    if found is None:
        raise UnknownNameError.of(printable_module_name, name, known)
    if not described:
        return found
    config = identifier["config"]
    if not hasattr(found, "from_config"):
        with CustomObjectScope(custom_objects or {}):
            return found(**config)
    if "custom_objects" in inspect.signature(found.from_config).parameters:
        return found.from_config(config, custom_objects={**(custom_objects or {})})
    with CustomObjectScope(custom_objects or {}):
        return found.from_config(config)
