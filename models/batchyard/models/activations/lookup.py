"""Activations by name, and names of activations."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from batchyard.models.activations.functions import activations, linear

__all__ = ["deserialize", "get", "serialize"]


def get(identifier: Any) -> Callable[..., Tensor]:
    """Returns the activation for a name, a function, the description of a layer, or None (linear)."""
    if isinstance(identifier, Mapping) and "class_name" in identifier:
        identifier = deserialize(identifier)
    elif hasattr(identifier, "compute_output_shape"):
        warnings.warn(
            f"The layer {getattr(identifier, 'name', identifier)} was passed as an activation function. Put "
            "it into the model as a layer of its own instead.",
            UserWarning,
            stacklevel=2,
        )
    found: Callable[..., Tensor] = linear if identifier is None else activations.get(identifier)
    return found


def serialize(activation: Any) -> Any:
    """Returns the name of an activation."""
    return activations.serialize(activation)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the activation of that name, or for the description of a layer the layer, as tf.keras does."""
    described = name.get("class_name") if isinstance(name, Mapping) else None
    if isinstance(described, str) and described not in activations:
        from batchyard.models.layers.registry import deserialize as layer_of
        from batchyard.models.layers.registry import layers

        if described in layers:
            found: Callable[..., Tensor] = layer_of(name, custom_objects)
            return found
    return activations.deserialize(name, custom_objects)
