"""Losses by name, and names of losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from batchyard.models.losses.functions import losses

__all__ = ["deserialize", "get", "serialize"]


def get(identifier: Any) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Returns the loss for a name or a function; None for None."""
    found: Callable[[Tensor, Tensor], Tensor] | None = losses.get(identifier)
    return found


def serialize(loss: Any) -> Any:
    """Returns the name of a loss."""
    return losses.serialize(loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the loss of that name."""
    return losses.deserialize(name, custom_objects)
