"""Optimizers whose learning rate decays by itself, update by update."""

from __future__ import annotations

from typing import Any

from batchyard.models.optimizers.hyper import Hyper
from batchyard.models.optimizers.optimizer import Optimizer

__all__ = ["DecayingOptimizer"]


class DecayingOptimizer(Optimizer):
    """An optimizer whose learning rate decays: lr / (1 + decay * iterations).

    Args:
        lr: the learning rate.
        decay: of the learning rate, per update.
        clipnorm: greatest norm of all gradients together.
        clipvalue: greatest absolute value of a gradient's elements.
    """

    decay = Hyper()

    def __init__(
        self,
        lr: float,
        decay: float = 0.0,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(lr, clipnorm, clipvalue)
        self.decay = decay
        self.initial_decay = decay

    def decayed_lr(self) -> float:
        """Returns the learning rate of the update that comes next."""
        rate: float = self._number("lr") / (1.0 + self._number("decay") * self._iterations)
        return rate

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "decay": float(self.decay)}
