"""A layer's weight: a torch parameter that knows its Keras name and what holds for it in training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

__all__ = ["Constraint", "Regularizer", "Weight"]

#: Gives the penalty of a weight.
Regularizer = Callable[[Tensor], Tensor]
#: Gives the nearest allowed value of a weight.
Constraint = Callable[[Tensor], Tensor]


class Weight(nn.Parameter):
    """A parameter of a layer.

    Attributes:
        keras_name: for example `dense_1/kernel:0`.
        regularizer: its penalty is added to the loss.
        constraint: applied after every update.
    """

    keras_name: str
    regularizer: Regularizer | None
    constraint: Constraint | None

    @property
    def name(self) -> str:
        """The Keras name."""
        return self.keras_name

    @classmethod
    def of(
        cls,
        value: Tensor,
        trainable: bool,
        keras_name: str,
        regularizer: Regularizer | None = None,
        constraint: Constraint | None = None,
    ) -> Self:
        """Makes a weight that starts with a value."""
        self = cls(value, requires_grad=trainable and value.is_floating_point())
        self.keras_name = keras_name
        self.regularizer = regularizer
        self.constraint = constraint
        return self

    # `variable += tensor` gives the name a new tensor, as in Keras; without gradients it is torch's own.

    def __iadd__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self + other if _has_gradients(self) else super().__iadd__(other)

    def __isub__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self - other if _has_gradients(self) else super().__isub__(other)

    def __imul__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self * other if _has_gradients(self) else super().__imul__(other)

    def __itruediv__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self / other if _has_gradients(self) else super().__itruediv__(other)

    def __deepcopy__(self, memo: dict[int, Any]) -> Weight:
        if id(self) not in memo:
            copy = type(self)(self.detach().clone(memory_format=torch.preserve_format), self.requires_grad)
            copy.__dict__.update(self.__dict__)
            memo[id(self)] = copy
        found: Weight = memo[id(self)]
        return found


def _has_gradients(weight: Weight) -> bool:
    """Whether torch would refuse to change it in place."""
    return weight.requires_grad and torch.is_grad_enabled()
