"""Nadam."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from batchyard.models.optimizers.hyper import Hyper, epsilon_or_default
from batchyard.models.optimizers.optimizer import Optimizer

__all__ = ["Nadam"]


class Nadam(Optimizer):
    """Adam with Nesterov's momentum, whose momentum is warmed up by a schedule.

    Args:
        lr: the learning rate.
        beta_1: how much of m goes on, in the end.
        beta_2: how much of v goes on.
        epsilon: the library's by default.
        schedule_decay: how fast the momentum is warmed up.
        clipnorm: greatest norm of all gradients together.
        clipvalue: greatest absolute value of a gradient's elements.

    Source: Keras 2.2.4, `optimizers.Nadam`; Dozat 2015.
    """

    slot_names: ClassVar[tuple[str, ...]] = ("m", "v")

    beta_1 = Hyper()
    beta_2 = Hyper()

    def __init__(
        self,
        lr: float = 0.002,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = None,
        schedule_decay: float = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(lr, clipnorm, clipvalue)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon_or_default(epsilon)
        self.schedule_decay = schedule_decay
        # The product of the momenta up to an iteration; it follows from the iteration, so it is not stored.
        self._schedule = (0, 1.0)

    def _momentum(self, t: int) -> float:
        warm: float = 0.96 ** (t * self.schedule_decay)
        return float(self.beta_1) * (1.0 - 0.5 * warm)

    def _product(self, until: int) -> float:
        done, product = self._schedule
        if done > until:
            done, product = 0, 1.0
        for t in range(done + 1, until + 1):
            product *= self._momentum(t)
        self._schedule = (until, product)
        return product

    def _update(self, params: list[Tensor], grads: list[Tensor]) -> None:
        beta_1, beta_2, t = float(self.beta_1), float(self.beta_2), self.iterations + 1
        m, v = self._slots["m"], self._slots["v"]
        now, following = self._momentum(t), self._momentum(t + 1)
        product = self._product(t)
        torch._foreach_lerp_(m, grads, 1.0 - beta_1)
        torch._foreach_mul_(v, beta_2)
        torch._foreach_addcmul_(v, grads, grads, value=1.0 - beta_2)
        steps = torch._foreach_mul(grads, (1.0 - now) / (1.0 - product))
        torch._foreach_add_(steps, m, alpha=following / (1.0 - product * following))
        roots = torch._foreach_div(v, 1.0 - beta_2**t)
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, self.epsilon)
        torch._foreach_addcdiv_(params, steps, roots, value=-float(self.lr))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "beta_1": float(self.beta_1),
            "beta_2": float(self.beta_2),
            "epsilon": self.epsilon,
            "schedule_decay": self.schedule_decay,
        }
