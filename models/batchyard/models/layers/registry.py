"""Layers by class name: the allow-list of what a configuration may make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchyard.models.engine.input_layer import InputLayer
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.model import Model
from batchyard.models.engine.sequential import Sequential
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.registry import Registry

__all__ = ["deserialize", "layers", "serialize"]

layers = Registry("layer")
layers.register("Functional")(Model)
layers.register()(Sequential)
layers.register()(InputLayer)


def serialize(layer: Layer) -> dict[str, Any]:
    """Describes a layer by class name and configuration."""
    return {"class_name": type(layer).__name__, "config": layer.get_config()}


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Makes a layer from what `serialize` returned.

    Args:
        config: class name and configuration.
        custom_objects: further classes and functions that it may name.

    Raises:
        UnknownNameError: if the class is neither a layer of this library nor a custom object.
    """
    # Not at the module's head: every layer registers itself here.
    import batchyard.models.layers
    from batchyard.models.saving.custom_objects import CustomObjectScope

    assert batchyard.models.layers
    with CustomObjectScope(custom_objects or {}):
        layer = layers.deserialize(config)
    if not isinstance(layer, Layer):
        raise InvalidArgumentError(f"{config!r} describes {layer!r}, which is no layer.")
    return layer
