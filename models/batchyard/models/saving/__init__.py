"""Saving and loading of models: files, configurations, custom objects.

Importing this loads no layers, so that every registry can ask it for custom objects.
"""

from batchyard.models.saving.config import (
    model_from_config,
    model_from_json,
    model_from_yaml,
    model_to_json,
    model_to_yaml,
)
from batchyard.models.saving.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    find_custom_object,
    get_custom_objects,
)
from batchyard.models.saving.loading import load_model, load_weights
from batchyard.models.saving.model_file import save_model, save_weights

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "find_custom_object",
    "get_custom_objects",
    "load_model",
    "load_weights",
    "model_from_config",
    "model_from_json",
    "model_from_yaml",
    "model_to_json",
    "model_to_yaml",
    "save_model",
    "save_weights",
]
