"""Saving and loading of models: files, configurations, custom objects.

Importing this loads no layers, so that every registry can ask it for custom objects; and no h5py and
yaml, which are loaded with the first file or configuration.
"""

from typing import TYPE_CHECKING

from batchyard.models.on_demand import on_demand
from batchyard.models.saving.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    find_custom_object,
    get_custom_objects,
)

if TYPE_CHECKING:
    from batchyard.models.saving.config import (
        model_from_config,
        model_from_json,
        model_from_yaml,
        model_to_json,
        model_to_yaml,
    )
    from batchyard.models.saving.loading import load_model, load_weights
    from batchyard.models.saving.model_file import save_model, save_weights
else:
    __getattr__, __dir__ = on_demand(
        __name__,
        "batchyard.models.saving.config:model_from_config",
        "batchyard.models.saving.config:model_from_json",
        "batchyard.models.saving.config:model_from_yaml",
        "batchyard.models.saving.config:model_to_json",
        "batchyard.models.saving.config:model_to_yaml",
        "batchyard.models.saving.loading:load_model",
        "batchyard.models.saving.loading:load_weights",
        "batchyard.models.saving.model_file:save_model",
        "batchyard.models.saving.model_file:save_weights",
    )

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
