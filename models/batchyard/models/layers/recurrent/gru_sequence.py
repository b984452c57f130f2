"""A GRU over a whole sequence, with a backward pass of its own: a third of the calls of a step by step one.

torch has no kernel for gate r before the product, Keras 2's default, for hard_sigmoid, masked steps, or
dropout masks that stay the same for all steps; and its own for the other GRU is made of such steps on a CPU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, split
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from batchyard.models.layers.recurrent.cell import DropoutMasks
from batchyard.models.layers.recurrent.sequence_products import InputProduct, StateProduct, gate_backward

__all__ = ["gru"]

_TANH_BACKWARD = torch.ops.aten.tanh_backward.grad_input


def gru(
    inputs: Tensor,
    h: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None,
    recurrent_bias: Tensor | None,
    hard: bool,
    reset_after: bool,
    masks: DropoutMasks,
    counts: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Computes a GRU with tanh; its gates stand in the order z, r, h.

    It can be differentiated once.

    Args:
        inputs: (time, batch, features).
        h: the first state (batch, units).
        kernel: (features, 3 * units).
        recurrent_kernel: (units, 3 * units).
        bias: (3 * units,), or None.
        recurrent_bias: (3 * units,), with `reset_after`; or None.
        hard: whether z and r are hard_sigmoid; sigmoid by default.
        reset_after: whether r acts after the product with the recurrent kernel.
        masks: of dropout.
        counts: (time, batch), False where a row is masked: its state stays; None if all count.

    Returns:
        outputs (time, batch, units), and the last state.
    """
    units = h.shape[1]
    if bias is None:
        bias = kernel.new_zeros(3 * units)
    if recurrent_bias is None:
        recurrent_bias = kernel.new_zeros(3 * units)
    if hard:
        # hard_sigmoid(a) is 0.2 a + 0.5, cut to 0 … 1: factor and addend go into the weights.
        factor, addend = kernel.new_full((3 * units,), 0.2), kernel.new_full((3 * units,), 0.5)
        factor[2 * units :], addend[2 * units :] = 1.0, 0.0
        kernel, recurrent_kernel = kernel * factor, recurrent_kernel * factor
        bias, recurrent_bias = torch.addcmul(addend, bias, factor), recurrent_bias * factor
    outputs, last = _Gru.apply(  # type: ignore[no-untyped-call]
        inputs, h, kernel, recurrent_kernel, bias, recurrent_bias, hard, reset_after, masks, counts
    )
    return outputs, last


class _Gru(Function):
    """The same; if `hard`, the gates z and r are only cut to 0 … 1."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        h: Tensor,
        kernel: Tensor,
        recurrent_kernel: Tensor,
        bias: Tensor,
        recurrent_bias: Tensor,
        hard: bool,
        reset_after: bool,
        masks: DropoutMasks,
        counts: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        time, batch, _ = x.shape
        units = h.shape[1]
        gates = InputProduct(x, kernel, masks.inputs).plus(bias)
        recurrent, right, of_candidate = _products(recurrent_kernel, masks, reset_after)
        states = x.new_empty((time + 1, batch, units))
        states[0] = h
        # What acts on the candidate: what r leaves of h or, with reset after, h times the recurrent kernel.
        if reset_after:
            inner = recurrent_bias.expand(time, batch, 3 * units).contiguous()
        else:
            inner = x.new_empty((time, batch, units))
        inner_t, h_t = inner.unbind(0), states.unbind(0)
        zr, inner_zr = (one[:, :, : 2 * units].unbind(0) for one in (gates, inner))
        steps = recurrent.steps(inner if reset_after else gates[:, :, : 2 * units])
        z, r, g = (part.unbind(0) for part in gates.chunk(3, 2))
        inner_g = inner[:, :, -units:].unbind(0)
        counted = None if counts is None else counts.unsqueeze(2).unbind(0)
        for t in range(time):
            recurrent.add(steps[t], h_t[t])
            if reset_after:
                zr[t].add_(inner_zr[t])
            if hard:
                zr[t].clamp_(0.0, 1.0)
            else:
                zr[t].sigmoid_()
            if reset_after:
                g[t].addcmul_(r[t], inner_g[t])
            else:
                torch.mul(r[t], h_t[t], out=inner_t[t])
                if of_candidate is not None:
                    inner_t[t].mul_(of_candidate)
                g[t].addmm_(inner_t[t], right)
            torch.lerp(g[t].tanh_(), h_t[t], z[t], out=h_t[t + 1])
            if counted is not None:
                torch.where(counted[t], h_t[t + 1], h_t[t], out=h_t[t + 1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, gates, inner, states, kernel, recurrent_kernel)
        ctx.hard, ctx.reset_after, ctx.masks, ctx.counts = hard, reset_after, masks, counts
        return states[1:], states[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor | None, d_last: Tensor | None) -> Any:
        x, gates, inner, states, kernel, recurrent_kernel = ctx.saved_tensors
        reset_after, masks = ctx.reset_after, ctx.masks
        recurrent, right, of_candidate = _products(recurrent_kernel, masks, reset_after)
        time, batch, units = states.shape[0] - 1, states.shape[1], states.shape[2]
        d_h = torch.zeros_like(states[0]) if d_last is None else d_last.clone()
        # What does not depend on later steps is computed for all of them at once: the derivatives of the
        # gates z and g by h, and that of r by what acts on the candidate.
        z, r, g = gates.chunk(3, 2)
        before, inner_g = states[:-1], inner[:, :, -units:]
        zg_by_h = x.new_empty((time, batch, 2, units))
        gate_backward(before - g, z, ctx.hard, out=zg_by_h[:, :, 0])
        _TANH_BACKWARD(1.0 - z, g, grad_input=zg_by_h[:, :, 1])
        dropped = before if of_candidate is None else before * of_candidate
        r_by_inner = gate_backward(inner_g if reset_after else dropped, r, ctx.hard).unbind(0)
        if ctx.counts is not None:  # nothing goes through the gates of a masked step, and all goes past them
            counts = ctx.counts.unsqueeze(2)
            zg_by_h.mul_(counts.unsqueeze(3))
            z = torch.where(counts, z, 1.0)
        zg_by_h_t, z_t = zg_by_h.unbind(0), z.unbind(0)
        r_t = (r if of_candidate is None or reset_after else r * of_candidate).unbind(0)
        d_gates, d_inner = torch.empty_like(gates), torch.empty_like(inner)
        d_parts = d_gates.view(time, batch, 3, units)
        d_zg, d_r, d_g = d_parts[:, :, ::2].unbind(0), d_parts[:, :, 1].unbind(0), d_parts[:, :, 2].unbind(0)
        d_zr, d_inner_zr = (one[:, :, : 2 * units].unbind(0) for one in (d_gates, d_inner))
        d_steps = recurrent.steps(d_inner if reset_after else d_gates[:, :, : 2 * units])
        d_inner_t, d_inner_g = d_inner.unbind(0), d_inner[:, :, -units:].unbind(0)
        right_back = right.t().contiguous()
        for t in range(time - 1, -1, -1):
            if d_outputs is not None:
                d_h += d_outputs[t]
            torch.mul(d_h.unsqueeze(1), zg_by_h_t[t], out=d_zg[t])
            d_h.mul_(z_t[t])
            if reset_after:
                torch.mul(d_g[t], r_by_inner[t], out=d_r[t])
                torch.mul(d_g[t], r_t[t], out=d_inner_g[t])
                d_inner_zr[t].copy_(d_zr[t])
            else:
                torch.mm(d_g[t], right_back, out=d_inner_t[t])
                torch.mul(d_inner_t[t], r_by_inner[t], out=d_r[t])
                d_h.addcmul_(d_inner_t[t], r_t[t])
            recurrent.add_gradient(d_steps[t], d_h)
        flat = d_gates.view(time * batch, 3 * units)
        of_input = InputProduct(x, kernel, masks.inputs)
        d_x = of_input.x_gradient(flat) if ctx.needs_input_grad[0] else None
        if reset_after:
            flat_inner = d_inner.view(time * batch, 3 * units)
            d_recurrent, d_bias = recurrent.kernel_gradient(before, flat_inner), flat_inner.sum(0)
        else:
            d_left = recurrent.kernel_gradient(before, flat[:, : 2 * units])
            d_right = torch.mm(inner.view(time * batch, units).t(), flat[:, 2 * units :])
            d_recurrent, d_bias = torch.cat([d_left, d_right], 1), None
        d_kernel = of_input.kernel_gradient(flat)
        return d_x, d_h, d_kernel, d_recurrent, flat.sum(0), d_bias, None, None, None, None


def _products(
    kernel: Tensor, masks: DropoutMasks, reset_after: bool
) -> tuple[StateProduct, Tensor, Tensor | None]:
    """Returns the product of the state with the kernels of all gates, or of z and r if r acts before it.

    Besides it: the kernel of the candidate, and the mask of what r leaves of the state.
    """
    left, right = split(kernel, [2 * kernel.shape[0], kernel.shape[0]], 1)
    if reset_after:
        return StateProduct(kernel, masks.states), right, None
    drops = masks.states
    if drops is None:
        return StateProduct(left, None), right, None
    return StateProduct(left, drops[:2] if len(drops) > 1 else drops), right, drops[-1]
