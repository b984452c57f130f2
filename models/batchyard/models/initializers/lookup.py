"""Initializers by name, and their descriptions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from batchyard.models.initializers.initializers import (
    VarianceScaling,
    initializers,
)

__all__ = ["deserialize", "get", "serialize"]


def get(identifier: Any) -> Any:
    """Returns the initializer for a name, a description, an object or a function of (shape, dtype)."""
    if isinstance(identifier, str):
        return deserialize(identifier)
    return initializers.get(identifier)


def serialize(initializer: Any) -> Any:
    """Describes an initializer."""
    return initializers.serialize(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Makes an initializer from its name or description."""
    found = initializers.find(config, custom_objects) if isinstance(config, str) else None
    if found is None:
        return initializers.deserialize(config, custom_objects)
    if inspect.isclass(found):
        return found()
    # glorot_uniform and its like make an initializer; a custom function is one.
    return (
        found()
        if inspect.signature(found).return_annotation in (VarianceScaling, "VarianceScaling")
        else found
    )
