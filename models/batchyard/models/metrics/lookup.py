"""Metrics by name, and names of metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from batchyard.models.metrics.functions import metrics

__all__ = ["deserialize", "get", "serialize"]


def get(identifier: Any) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Returns the metric for a name or a function; None for None."""
    found: Callable[[Tensor, Tensor], Tensor] | None = metrics.get(identifier)
    return found


def serialize(metric: Any) -> Any:
    """Returns the name of a metric."""
    return metrics.serialize(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the metric of that name or description."""
    return metrics.deserialize(config, custom_objects)
