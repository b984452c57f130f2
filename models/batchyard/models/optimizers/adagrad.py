"""Adagrad."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from batchyard.models.optimizers.decaying import DecayingOptimizer
from batchyard.models.optimizers.hyper import epsilon_or_default

__all__ = ["Adagrad"]


class Adagrad(DecayingOptimizer):
    """a = a + g²; w = w - lr * g / (sqrt(a) + epsilon).

    Args:
        lr: the learning rate.
        epsilon: the library's by default.
        decay: of the learning rate, per update.
        clipnorm: greatest norm of all gradients together.
        clipvalue: greatest absolute value of a gradient's elements.

    Source: Keras 2.2.4, `optimizers.Adagrad`.
    """

    slot_names: ClassVar[tuple[str, ...]] = ("accumulator",)
    stores_iterations: ClassVar[bool] = False

    def __init__(
        self,
        lr: float = 0.01,
        epsilon: float | None = None,
        decay: float = 0.0,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(lr, decay, clipnorm, clipvalue)
        self.epsilon = epsilon_or_default(epsilon)

    def _update(self, params: list[Tensor], grads: list[Tensor]) -> None:
        squares = self._slots["accumulator"]
        torch._foreach_addcmul_(squares, grads, grads)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, self.epsilon)
        torch._foreach_addcdiv_(params, grads, roots, value=-self.decayed_lr())

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "epsilon": self.epsilon}
