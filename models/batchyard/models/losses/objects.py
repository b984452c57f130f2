"""Losses with arguments, which later versions of Keras have as classes.

Each is called as a function is: with targets and predictions, and returns one number per row (and time step).

Source: Keras 3, `losses`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.losses.functions import (
    binary_crossentropy,
    categorical_crossentropy,
    losses,
    sparse_categorical_crossentropy,
)

__all__ = ["BinaryCrossentropy", "CategoricalCrossentropy", "Huber", "SparseCategoricalCrossentropy"]


class _Loss(ABC):
    """A loss with arguments.

    Attributes:
        function: the loss without arguments that is nearest: what "accuracy" means goes by it.
    """

    function: Any = None

    @abstractmethod
    def __call__(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Computes the loss of each row."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {}

    @classmethod
    def from_config(cls, config: Any) -> Self:
        """Makes the loss from what `get_config` returned."""
        return cls(**config)


class _Crossentropy(_Loss):
    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0) -> None:
        self.from_logits = bool(from_logits)
        self.label_smoothing = float(label_smoothing)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"from_logits": self.from_logits, "label_smoothing": self.label_smoothing}


@losses.register()
class CategoricalCrossentropy(_Crossentropy):
    """- sum target * log(prediction); targets are distributions over the last axis.

    Args:
        from_logits: whether predictions are what softmax would be applied to.
        label_smoothing: how much of each target is spread evenly over the classes, 0 to 1.
    """

    function = staticmethod(categorical_crossentropy)

    def __call__(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Computes the loss of each row."""
        if self.label_smoothing:
            spread = self.label_smoothing / y_true.shape[-1]
            y_true = y_true * (1.0 - self.label_smoothing) + spread
        if self.from_logits:
            return -(y_true * torch.log_softmax(y_pred, -1)).sum(-1)
        found: Tensor = categorical_crossentropy(y_true, y_pred)
        return found


@losses.register()
class BinaryCrossentropy(_Crossentropy):
    """The mean of -(target * log(prediction) + (1 - target) * log(1 - prediction)).

    Args:
        from_logits: whether predictions are what the sigmoid function would be applied to.
        label_smoothing: how far targets are moved towards 1/2, 0 to 1.
    """

    function = staticmethod(binary_crossentropy)

    def __call__(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Computes the loss of each row."""
        if self.label_smoothing:
            y_true = y_true * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing
        if not self.from_logits:
            found: Tensor = binary_crossentropy(y_true, y_pred)
            return found
        targets = y_true.expand_as(y_pred) if y_true.shape != y_pred.shape else y_true
        return functional.binary_cross_entropy_with_logits(y_pred, targets, reduction="none").mean(-1)


@losses.register()
class SparseCategoricalCrossentropy(_Loss):
    """- log(prediction of the target's class); targets are class numbers.

    Args:
        from_logits: whether predictions are what softmax would be applied to.
    """

    function = staticmethod(sparse_categorical_crossentropy)

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = bool(from_logits)

    def __call__(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Computes the loss of each row."""
        if not self.from_logits:
            found: Tensor = sparse_categorical_crossentropy(y_true, y_pred)
            return found
        classes = y_true.reshape(y_pred.shape[:-1]).to(torch.int64)
        return -torch.log_softmax(y_pred, -1).gather(-1, classes.unsqueeze(-1)).squeeze(-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"from_logits": self.from_logits}


@losses.register("huber", "huber_loss")
class Huber(_Loss):
    """The mean of error² / 2 where |error| <= delta, else of delta * (|error| - delta / 2).

    Args:
        delta: where the parabola becomes a line.
    """

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = float(delta)

    def __call__(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Computes the loss of each row."""
        targets = y_true.expand_as(y_pred) if y_true.shape != y_pred.shape else y_true
        return functional.huber_loss(y_pred, targets, reduction="none", delta=self.delta).mean(-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"delta": self.delta}
