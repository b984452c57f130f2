"""Adadelta."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from batchyard.models.optimizers.decaying import DecayingOptimizer
from batchyard.models.optimizers.hyper import epsilon_or_default

__all__ = ["Adadelta"]


class Adadelta(DecayingOptimizer):
    """Steps in the proportion of the mean squares of earlier steps and of gradients.

    a = rho * a + (1 - rho) * g²; u = g * sqrt(d + epsilon) / sqrt(a + epsilon); w = w - lr * u;
    d = rho * d + (1 - rho) * u².

    Args:
        lr: the learning rate.
        rho: how much of the mean squares goes on.
        epsilon: the library's by default.
        decay: of the learning rate, per update.
        clipnorm: greatest norm of all gradients together.
        clipvalue: greatest absolute value of a gradient's elements.

    Source: Keras 2.2.4, `optimizers.Adadelta`.
    """

    slot_names: ClassVar[tuple[str, ...]] = ("accumulator", "delta_accumulator")
    stores_iterations: ClassVar[bool] = False

    def __init__(
        self,
        lr: float = 1.0,
        rho: float = 0.95,
        epsilon: float | None = None,
        decay: float = 0.0,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(lr, decay, clipnorm, clipvalue)
        self.rho = rho
        self.epsilon = epsilon_or_default(epsilon)

    def _update(self, params: list[Tensor], grads: list[Tensor]) -> None:
        rho = self.rho
        squares, deltas = self._slots["accumulator"], self._slots["delta_accumulator"]
        torch._foreach_mul_(squares, rho)
        torch._foreach_addcmul_(squares, grads, grads, value=1.0 - rho)
        updates = torch._foreach_add(deltas, self.epsilon)
        torch._foreach_sqrt_(updates)
        torch._foreach_mul_(updates, grads)
        roots = torch._foreach_add(squares, self.epsilon)
        torch._foreach_sqrt_(roots)
        torch._foreach_div_(updates, roots)
        torch._foreach_add_(params, updates, alpha=-self.decayed_lr())
        torch._foreach_mul_(deltas, rho)
        torch._foreach_addcmul_(deltas, updates, updates, value=1.0 - rho)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
