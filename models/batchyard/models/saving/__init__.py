"""Saving and loading of models: files, configurations, custom objects."""

from batchyard.models.saving.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    find_custom_object,
    get_custom_objects,
)

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "find_custom_object",
    "get_custom_objects",
]
