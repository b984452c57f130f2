"""Adam with decoupled weight decay, of later versions of Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models.optimizers.adam import Adam
from batchyard.models.optimizers.hyper import Hyper

__all__ = ["AdamW"]


class AdamW(Adam):
    """w = w - lr * weight_decay * w before each of Adam's updates.

    Files of tf.keras and Keras 3 that were trained by AdamW, or by Adam with `weight_decay`, go on with this
    one. All weights decay; later versions can spare some, which their files do not tell.

    Args:
        lr: the learning rate.
        beta_1: how much of m goes on.
        beta_2: how much of v goes on.
        epsilon: the library's by default.
        decay: of the learning rate, per update.
        amsgrad: whether the greatest v so far is used.
        weight_decay: how much of a weight is taken away, times the learning rate.
        clipnorm: greatest norm of all gradients together.
        clipvalue: greatest absolute value of a gradient's elements.

    Source: Keras 3, `optimizers.AdamW`; Loshchilov and Hutter 2017.
    """

    weight_decay = Hyper()

    def __init__(
        self,
        lr: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = None,
        decay: float = 0.0,
        amsgrad: bool = False,
        weight_decay: float = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(lr, beta_1, beta_2, epsilon, decay, amsgrad, clipnorm, clipvalue)
        self.weight_decay = weight_decay

    def _update(self, params: list[Tensor], grads: list[Tensor]) -> None:
        torch._foreach_mul_(params, 1.0 - self.decayed_lr() * float(self.weight_decay))
        super()._update(params, grads)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "weight_decay": float(self.weight_decay)}
