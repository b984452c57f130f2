"""RMSprop as later versions of Keras compute it."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from batchyard.models.optimizers.hyper import Hyper
from batchyard.models.optimizers.rmsprop import RMSprop

__all__ = ["LaterRMSprop"]


class LaterRMSprop(RMSprop):
    """a = rho * a + (1 - rho) * g²; m = momentum * m + lr * g / sqrt(a + epsilon); w = w - m.

    Centered, the square of a moving average of g is subtracted from a under the root. Files of tf.keras and
    Keras 3 that were trained by their RMSprop go on with this one; `RMSprop` has epsilon outside of the root.

    Args:
        lr: the learning rate.
        rho: how much of the mean square goes on.
        momentum: how much of the last change goes on.
        epsilon: under the root; 1e-7 by default.
        centered: whether the gradient's variance takes the place of its mean square.
        decay: of the learning rate, per update.
        clipnorm: greatest norm of all gradients together.
        clipvalue: greatest absolute value of a gradient's elements.

    Source: Keras 3, `optimizers.RMSprop`.
    """

    slot_names: ClassVar[tuple[str, ...]] = ("accumulator", "momentum", "average")
    stores_iterations: ClassVar[bool] = True

    momentum = Hyper()

    def __init__(
        self,
        lr: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        decay: float = 0.0,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(lr, rho, epsilon, decay, clipnorm, clipvalue)
        self.momentum = momentum
        self.centered = centered

    def _is_placeholder(self, name: str) -> bool:
        unused = {"momentum": not float(self.momentum), "average": not self.centered}
        return unused.get(name, False)

    def _update(self, params: list[Tensor], grads: list[Tensor]) -> None:
        rho, squares = float(self.rho), self._slots["accumulator"]
        torch._foreach_mul_(squares, rho)
        torch._foreach_addcmul_(squares, grads, grads, value=1.0 - rho)
        roots = torch._foreach_add(squares, self.epsilon)
        if self.centered:
            averages = self._slots["average"]
            torch._foreach_mul_(averages, rho)
            torch._foreach_add_(averages, grads, alpha=1.0 - rho)
            torch._foreach_addcmul_(roots, averages, averages, value=-1.0)
        torch._foreach_sqrt_(roots)
        if not float(self.momentum):
            torch._foreach_addcdiv_(params, grads, roots, value=-self.decayed_lr())
            return
        moments = self._slots["momentum"]
        torch._foreach_mul_(moments, float(self.momentum))
        torch._foreach_addcdiv_(moments, grads, roots, value=self.decayed_lr())
        torch._foreach_sub_(params, moments)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "momentum": float(self.momentum), "centered": self.centered}
