"""An optimizer's gradients and updates as Keras's functions of graphs take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batchyard.models.backend.functions import gradients
from batchyard.models.backend.symbolic_call import operation

if TYPE_CHECKING:
    from batchyard.models.optimizers.optimizer import Optimizer

__all__ = ["clip_norm", "clipped_gradients", "updates_of"]


def clipped_gradients(
    clip: Callable[[list[Tensor]], list[Tensor]], loss: Any, params: Sequence[Any]
) -> list[Any]:
    """Returns the gradients of a loss, clipped: symbolic ones if the loss is.

    Args:
        clip: cuts gradients.
        loss: a tensor, symbolic or not.
        params: what it is differentiated by.
    """

    @operation
    def clipped(found: list[Tensor]) -> list[Tensor]:
        return clip(found)

    return list(clipped(gradients(loss, list(params))))


def updates_of(optimizer: Optimizer, loss: Any, params: Sequence[Any]) -> list[Any]:
    """Returns an update for `backend.function(…, updates=…)`, which makes one step of an optimizer.

    With a loss that is not symbolic the step is made now.

    Args:
        optimizer: makes the step.
        loss: depends on the weights.
        params: the weights.
    """
    weights = list(params)

    @operation
    def step(grads: list[Tensor]) -> Tensor:
        if not any(grad.is_meta for grad in grads):  # those of a trial that finds shapes
            optimizer.apply(weights, [grad.detach() for grad in grads])
        return torch.tensor(optimizer.iterations, dtype=torch.int64)

    return [step(gradients(loss, weights))]


@operation
def clip_norm(g: Tensor, c: float, n: Tensor) -> Tensor:
    """Returns a gradient scaled down so that the norm of all is at most a number.

    Args:
        g: the gradient.
        c: the greatest norm; 0 or below for none.
        n: the norm of all gradients.
    """
    if c <= 0:
        return g
    return torch.where(torch.as_tensor(n) >= c, g * c / n, g)
