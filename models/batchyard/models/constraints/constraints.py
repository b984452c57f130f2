"""What weights are held to after every update.

Source: Keras 2.2.4, `constraints`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from batchyard.models.backend.configuration import epsilon
from batchyard.models.registry import Registry

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "constraints",
    "deserialize",
    "get",
    "serialize",
]

constraints = Registry("constraint")

Axis = int | Sequence[int]


class Constraint:
    """Gives the nearest allowed value of a weight."""

    def __call__(self, w: Tensor) -> Tensor:
        """Returns the allowed value."""
        return w

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes a constraint from what `get_config` returned."""
        return cls(**config)


def _norms(w: Tensor, axis: Axis) -> Tensor:
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return torch.sqrt(torch.sum(torch.square(w), dim=axes, keepdim=True))


@constraints.register("max_norm", "maxnorm")
class MaxNorm(Constraint):
    """Norms of at most a value.

    Args:
        max_value: the greatest norm.
        axis: over which norms are taken; 0 for the incoming weights of each unit of a Dense.
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        """Returns the weight scaled down where needed."""
        norms = _norms(w, self.axis)
        return w * (torch.clamp(norms, 0, self.max_value) / (epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"max_value": self.max_value, "axis": self.axis}


@constraints.register("non_neg", "nonneg")
class NonNeg(Constraint):
    """Nothing below 0."""

    def __call__(self, w: Tensor) -> Tensor:
        """Returns the weight with 0 for what is negative."""
        return w * (w >= 0).to(w.dtype)


@constraints.register("unit_norm", "unitnorm")
class UnitNorm(Constraint):
    """Norms of 1.

    Args:
        axis: over which norms are taken.
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        """Returns the weight scaled."""
        return w / (epsilon() + _norms(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"axis": self.axis}


@constraints.register("min_max_norm")
class MinMaxNorm(Constraint):
    """Norms between two values.

    Args:
        min_value: the least norm.
        max_value: the greatest norm.
        rate: how much of the way is gone at each update.
        axis: over which norms are taken.
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        """Returns the weight scaled."""
        norms = _norms(w, self.axis)
        wanted = self.rate * torch.clamp(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (wanted / (epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


def get(identifier: Any) -> Any:
    """Returns the constraint for a name, a description, an object, or None."""
    return constraints.get(identifier)


def serialize(constraint: Any) -> Any:
    """Describes a constraint."""
    return constraints.serialize(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Makes a constraint from its description."""
    return constraints.deserialize(config, custom_objects)
