"""Activations by name, and names of activations."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from batchyard.models.activations.functions import activations, linear

__all__ = ["deserialize", "get", "serialize"]


def get(identifier: Any) -> Callable[..., Tensor]:
    """Returns the activation for a name, a function, or None (linear)."""
    if hasattr(identifier, "compute_output_shape"):
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
    """Returns the activation of that name."""
    return activations.deserialize(name, custom_objects)
