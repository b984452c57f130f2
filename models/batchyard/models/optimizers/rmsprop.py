"""RMSprop."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from batchyard.models.optimizers.decaying import DecayingOptimizer
from batchyard.models.optimizers.fused import rmsprop_update
from batchyard.models.optimizers.hyper import Hyper, epsilon_or_default

__all__ = ["RMSprop"]


class RMSprop(DecayingOptimizer):
    """a = rho * a + (1 - rho) * g²; w = w - lr * g / (sqrt(a) + epsilon).

    Args:
        lr: the learning rate.
        rho: how much of the mean square goes on.
        epsilon: the library's by default.
        decay: of the learning rate, per update.
        clipnorm: greatest norm of all gradients together.
        clipvalue: greatest absolute value of a gradient's elements.

    Source: Keras 2.2.4, `optimizers.RMSprop`.
    """

    slot_names: ClassVar[tuple[str, ...]] = ("accumulator",)
    stores_iterations: ClassVar[bool] = False

    rho = Hyper()

    def __init__(
        self,
        lr: float = 0.001,
        rho: float = 0.9,
        epsilon: float | None = None,
        decay: float = 0.0,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(lr, decay, clipnorm, clipvalue)
        self.rho = rho
        self.epsilon = epsilon_or_default(epsilon)

    def _update(self, params: list[Tensor], grads: list[Tensor]) -> None:
        rho, squares = self._number("rho"), self._slots["accumulator"]
        if self._fusable:
            rmsprop_update(params, grads, squares, lr=self.decayed_lr(), rho=rho, epsilon=self.epsilon)
            return
        torch._foreach_mul_(squares, rho)
        torch._foreach_addcmul_(squares, grads, grads, value=1.0 - rho)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, self.epsilon)
        torch._foreach_addcdiv_(params, grads, roots, value=-self.decayed_lr())

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "rho": float(self.rho), "epsilon": self.epsilon}
