"""Adamax."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from batchyard.models.optimizers.decaying import DecayingOptimizer
from batchyard.models.optimizers.hyper import Hyper, epsilon_or_default

__all__ = ["Adamax"]


class Adamax(DecayingOptimizer):
    """Adam with the greatest absolute gradient: u = max(beta_2 * u, |g|); w = w - lr_t * m / (u + epsilon).

    lr_t = lr / (1 - beta_1^t) for update t = 1, 2, ….

    Args:
        lr: the learning rate.
        beta_1: how much of m goes on.
        beta_2: how much of u goes on.
        epsilon: the library's by default.
        decay: of the learning rate, per update.
        clipnorm: greatest norm of all gradients together.
        clipvalue: greatest absolute value of a gradient's elements.

    Source: Keras 2.2.4, `optimizers.Adamax`; Kingma and Ba 2014, section 7.
    """

    slot_names: ClassVar[tuple[str, ...]] = ("m", "u")

    beta_1 = Hyper()
    beta_2 = Hyper()

    def __init__(
        self,
        lr: float = 0.002,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = None,
        decay: float = 0.0,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(lr, decay, clipnorm, clipvalue)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon_or_default(epsilon)

    def _update(self, params: list[Tensor], grads: list[Tensor]) -> None:
        beta_1, t = float(self.beta_1), self.iterations + 1
        m, u = self._slots["m"], self._slots["u"]
        torch._foreach_lerp_(m, grads, 1.0 - beta_1)
        torch._foreach_mul_(u, float(self.beta_2))
        torch._foreach_maximum_(u, torch._foreach_abs(grads))
        divisors = torch._foreach_add(u, self.epsilon)
        torch._foreach_addcdiv_(params, m, divisors, value=-self.decayed_lr() / (1.0 - beta_1**t))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "beta_1": float(self.beta_1),
            "beta_2": float(self.beta_2),
            "epsilon": self.epsilon,
        }
