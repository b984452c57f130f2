"""Adam."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from batchyard.models.optimizers.decaying import DecayingOptimizer
from batchyard.models.optimizers.fused import adam_update
from batchyard.models.optimizers.hyper import Hyper, epsilon_or_default

__all__ = ["Adam"]


class Adam(DecayingOptimizer):
    """m and v are moving averages of g and g²; w = w - lr_t * m / (sqrt(v) + epsilon).

    lr_t = lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) for update t = 1, 2, ….

    Args:
        lr: the learning rate.
        beta_1: how much of m goes on.
        beta_2: how much of v goes on.
        epsilon: the library's by default.
        decay: of the learning rate, per update.
        amsgrad: whether the greatest v so far is used.
        clipnorm: greatest norm of all gradients together.
        clipvalue: greatest absolute value of a gradient's elements.

    Source: Keras 2.2.4, `optimizers.Adam`; Kingma and Ba 2014, Reddi et al. 2018.
    """

    slot_names: ClassVar[tuple[str, ...]] = ("m", "v", "vhat")

    beta_1 = Hyper()
    beta_2 = Hyper()

    def __init__(
        self,
        lr: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = None,
        decay: float = 0.0,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(lr, decay, clipnorm, clipvalue)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon_or_default(epsilon)
        self.amsgrad = amsgrad

    def _is_placeholder(self, name: str) -> bool:
        return name == "vhat" and not self.amsgrad

    def _update(self, params: list[Tensor], grads: list[Tensor]) -> None:
        beta_1, beta_2, t = self._number("beta_1"), self._number("beta_2"), self._iterations + 1
        m, v = self._slots["m"], self._slots["v"]
        vhat = self._slots["vhat"] if self.amsgrad else None
        lr = self.decayed_lr()
        if self._fusable and beta_2 < 1.0:
            adam_update(
                params, grads, m, v, vhat, t=t, lr=lr, beta_1=beta_1, beta_2=beta_2, epsilon=self.epsilon
            )
            return
        torch._foreach_lerp_(m, grads, 1.0 - beta_1)
        torch._foreach_mul_(v, beta_2)
        torch._foreach_addcmul_(v, grads, grads, value=1.0 - beta_2)
        if vhat is not None:
            torch._foreach_maximum_(vhat, v)
            v = vhat
        roots = torch._foreach_sqrt(v)
        torch._foreach_add_(roots, self.epsilon)
        rate = lr * math.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)
        torch._foreach_addcdiv_(params, m, roots, value=-rate)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "beta_1": float(self.beta_1),
            "beta_2": float(self.beta_2),
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }
