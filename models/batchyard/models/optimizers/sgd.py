"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from batchyard.models.optimizers.decaying import DecayingOptimizer
from batchyard.models.optimizers.fused import momentum_update
from batchyard.models.optimizers.hyper import Hyper

__all__ = ["SGD"]


class SGD(DecayingOptimizer):
    """v = momentum * v - lr * g; w = w + v, or w + momentum * v - lr * g with Nesterov's momentum.

    Args:
        lr: the learning rate.
        momentum: how much of the last change goes on.
        decay: of the learning rate, per update.
        nesterov: whether Nesterov's momentum is used.
        clipnorm: greatest norm of all gradients together.
        clipvalue: greatest absolute value of a gradient's elements.

    Source: Keras 2.2.4, `optimizers.SGD`.
    """

    slot_names: ClassVar[tuple[str, ...]] = ("moment",)

    momentum = Hyper()

    def __init__(
        self,
        lr: float = 0.01,
        momentum: float = 0.0,
        decay: float = 0.0,
        nesterov: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(lr, decay, clipnorm, clipvalue)
        self.momentum = momentum
        self.nesterov = nesterov

    def _update(self, params: list[Tensor], grads: list[Tensor]) -> None:
        lr, momentum, moments = self.decayed_lr(), self._number("momentum"), self._slots["moment"]
        if not self.nesterov and self._fusable:
            momentum_update(params, grads, moments, lr, momentum)
            return
        torch._foreach_mul_(moments, momentum)
        torch._foreach_add_(moments, grads, alpha=-lr)
        if self.nesterov:
            torch._foreach_add_(params, moments, alpha=momentum)
            torch._foreach_add_(params, grads, alpha=-lr)
        else:
            torch._foreach_add_(params, moments)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "momentum": float(self.momentum), "nesterov": self.nesterov}
