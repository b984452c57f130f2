"""Updates in one pass: torch's fused kernels, given such numbers that they compute Keras's formulas."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["adam_update", "fusable", "momentum_update", "rmsprop_update", "stored_alike"]


#: torch keeps no v for a momentum of 0; this one acts as 0, and v is kept, as Keras stores it.
_LEAST = sys.float_info.min


def fusable(params: Sequence[Tensor]) -> bool:
    """Whether torch's fused kernels take these weights: of one device and float type, without gaps."""
    if not params:
        return False
    first = params[0]
    kind, device = first.dtype, first.device
    return (
        kind in (torch.float32, torch.float64)
        and device.type in ("cpu", "cuda")
        and all(p.dtype is kind and p.device == device and _fills_its_memory(p) for p in params)
    )


def momentum_update(
    params: list[Tensor], grads: list[Tensor], moments: list[Tensor], lr: float, momentum: float
) -> None:
    """Makes v = momentum * v - lr * g; w = w + v.

    torch's kernel makes v = momentum * v + (1 - dampening) * g; w = w - rate * v: here the learning rate goes
    into the dampening, and the rate is -1.

    Args:
        params: the weights w.
        grads: g.
        moments: v.
        lr: the learning rate.
        momentum: how much of v goes on.
    """
    torch._fused_sgd_(
        params,
        stored_alike(grads, params),
        moments,
        weight_decay=0.0,
        momentum=momentum or _LEAST,
        lr=-1.0,
        dampening=1.0 + lr,
        nesterov=False,
        maximize=False,
        is_first_step=False,
    )


def adam_update(
    params: list[Tensor],
    grads: list[Tensor],
    m: list[Tensor],
    v: list[Tensor],
    vhat: list[Tensor] | None,
    *,
    t: int,
    lr: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Makes Adam's update number `t`.

    Keras divides by sqrt(v) + epsilon before it corrects the bias of v, torch afterwards: so here epsilon is
    corrected too.

    Args:
        params: the weights.
        grads: theirs.
        m: moving averages of the gradients.
        v: moving averages of their squares.
        vhat: the greatest v so far; None without amsgrad.
        t: 1, 2, ….
        lr: the learning rate.
        beta_1: how much of m goes on.
        beta_2: how much of v goes on.
        epsilon: added to the root.
    """
    step = torch.full((), float(t), device=params[0].device)
    torch._fused_adam_(
        params,
        stored_alike(grads, params),
        m,
        v,
        vhat or [],
        [step] * len(params),
        lr=lr,
        beta1=beta_1,
        beta2=beta_2,
        weight_decay=0.0,
        eps=epsilon / math.sqrt(1.0 - beta_2**t),
        amsgrad=vhat is not None,
        maximize=False,
    )


def rmsprop_update(
    params: list[Tensor], grads: list[Tensor], squares: list[Tensor], *, lr: float, rho: float, epsilon: float
) -> None:
    """Makes a = rho * a + (1 - rho) * g²; w = w - lr * g / (sqrt(a) + epsilon).

    That is Adam with beta_1 = 0, whose m is the gradient itself, after infinitely many steps, when no bias is
    left to be corrected.

    Args:
        params: the weights w.
        grads: g.
        squares: a.
        lr: the learning rate.
        rho: how much of a goes on.
        epsilon: added to the root.
    """
    grads = stored_alike(grads, params)
    step = torch.full((), math.inf, device=params[0].device)
    torch._fused_adam_(
        params,
        grads,
        grads,
        squares,
        [],
        [step] * len(params),
        lr=lr,
        beta1=0.0,
        beta2=rho,
        weight_decay=0.0,
        eps=epsilon,
        amsgrad=False,
        maximize=False,
    )


def stored_alike(tensors: Sequence[Tensor], params: Sequence[Tensor]) -> list[Tensor]:
    """Returns tensors that lie in memory as their weights do: the kernels do not look at axes."""
    return [
        tensor
        if tensor.stride() == param.stride() or _same_order(tensor, param)
        else torch.empty_like(param, dtype=tensor.dtype).copy_(tensor)
        for tensor, param in zip(tensors, params, strict=True)
    ]


def _same_order(tensor: Tensor, param: Tensor) -> bool:
    """Whether two tensors of one shape have the same strides, where the sizes are not 1."""
    strides = zip(tensor.stride(), param.stride(), param.shape, strict=True)
    return tensor.shape == param.shape and all(a == b or size == 1 for a, b, size in strides)


def _fills_its_memory(tensor: Tensor) -> bool:
    """Whether a tensor has no gaps, in whatever order of its axes."""
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True
