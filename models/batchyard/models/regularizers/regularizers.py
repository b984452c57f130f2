"""Penalties on weights, added to the loss.

Source: Keras 2.2.4, `regularizers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor

from batchyard.models.backend.hyper_parameter import round_to_floatx
from batchyard.models.registry import Registry

__all__ = ["L1L2", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2", "regularizers", "serialize"]

regularizers = Registry("regularizer")


class Regularizer:
    """Gives the penalty of a weight."""

    def __call__(self, x: Tensor) -> Tensor:
        """Returns a scalar."""
        return torch.zeros((), dtype=x.dtype, device=x.device)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes a regularizer from what `get_config` returned."""
        return cls(**config)


@regularizers.register("L1", "L2")
class L1L2(Regularizer):
    """l1 * sum |x| + l2 * sum x².

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = round_to_floatx(l1)
        self.l2 = round_to_floatx(l2)

    def __call__(self, x: Tensor) -> Tensor:
        """Returns the penalty."""
        if not self.l1:
            return self.l2 * torch.sum(torch.square(x))
        penalty = self.l1 * torch.sum(torch.abs(x))
        return penalty + self.l2 * torch.sum(torch.square(x)) if self.l2 else penalty

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"l1": self.l1, "l2": self.l2}


@regularizers.register()
def l1(l: float = 0.01) -> L1L2:  # noqa: E741 - Keras's name
    """Returns a penalty of l * sum |x|."""
    return L1L2(l1=l)


@regularizers.register()
def l2(l: float = 0.01) -> L1L2:  # noqa: E741 - Keras's name
    """Returns a penalty of l * sum x²."""
    return L1L2(l2=l)


@regularizers.register()
def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """Returns a penalty of l1 * sum |x| + l2 * sum x²."""
    return L1L2(l1, l2)


def get(identifier: Any) -> Any:
    """Returns the regularizer for a name, a description, an object, or None."""
    if isinstance(identifier, str) and identifier in ("l1", "l2", "l1_l2"):
        return regularizers.find(identifier)()
    return regularizers.get(identifier)


def serialize(regularizer: Any) -> Any:
    """Describes a regularizer."""
    return regularizers.serialize(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Makes a regularizer from its description."""
    return regularizers.deserialize(config, custom_objects)
