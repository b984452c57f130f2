"""A GRU over a whole sequence, with a backward pass of its own: a third of the calls of a step by step one.

torch has no kernel for gate r before the product, Keras 2's default, nor for hard_sigmoid; and its own for
the other GRU is made of such steps on a CPU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, split
from torch.autograd import Function
from torch.autograd.function import once_differentiable

__all__ = ["gru"]

_TANH_BACKWARD = torch.ops.aten.tanh_backward
_SIGMOID_BACKWARD = torch.ops.aten.sigmoid_backward
_CUT_BACKWARD = torch.ops.aten.hardtanh_backward


def gru(
    inputs: Tensor,
    h: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None,
    recurrent_bias: Tensor | None,
    hard: bool,
    reset_after: bool,
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
        inputs, h, kernel, recurrent_kernel, bias, recurrent_bias, hard, reset_after
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
    ) -> tuple[Tensor, Tensor]:
        time, batch, _ = x.shape
        units = h.shape[1]
        rows = x.reshape(time * batch, -1)
        gates = torch.addmm(bias, rows, kernel).view(time, batch, 3 * units)
        states = x.new_empty((time + 1, batch, units))
        states[0] = h
        # What acts on the candidate: what r leaves of h or, with reset after, h times the recurrent kernel.
        inner = x.new_empty((time, batch, 3 * units if reset_after else units))
        inner_t, h_t = inner.unbind(0), states.unbind(0)
        zr, inner_zr = (one[:, :, : 2 * units].unbind(0) for one in (gates, inner))
        z, r, g = (part.unbind(0) for part in gates.chunk(3, 2))
        inner_g = inner[:, :, -units:].unbind(0)
        left, right = split(recurrent_kernel, [2 * units, units], 1)
        for t in range(time):
            if reset_after:
                torch.addmm(recurrent_bias, h_t[t], recurrent_kernel, out=inner_t[t])
                zr[t].add_(inner_zr[t])
            else:
                zr[t].addmm_(h_t[t], left)
            if hard:
                zr[t].clamp_(0.0, 1.0)
            else:
                zr[t].sigmoid_()
            if reset_after:
                g[t].addcmul_(r[t], inner_g[t])
            else:
                g[t].addmm_(torch.mul(r[t], h_t[t], out=inner_t[t]), right)
            torch.lerp(g[t].tanh_(), h_t[t], z[t], out=h_t[t + 1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(rows, gates, inner, states, kernel, recurrent_kernel)
        ctx.hard, ctx.reset_after = hard, reset_after
        return states[1:], states[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor | None, d_last: Tensor | None) -> Any:
        rows, gates, inner, states, kernel, recurrent_kernel = ctx.saved_tensors
        reset_after = ctx.reset_after
        time, batch, units = states.shape[0] - 1, states.shape[1], states.shape[2]
        d_h = torch.zeros_like(states[0]) if d_last is None else d_last.clone()
        # What does not depend on later steps is computed for all of them at once: the derivatives of the
        # gates z and g by h, and that of r by what acts on the candidate.
        z, r, g = gates.chunk(3, 2)
        before, inner_g = states[:-1], inner[:, :, -units:]
        z_by_h = _gate_backward(before - g, z, ctx.hard).unbind(0)
        g_by_h = _TANH_BACKWARD(1.0 - z, g).unbind(0)
        r_by_inner = _gate_backward(inner_g if reset_after else before, r, ctx.hard).unbind(0)
        d_gates, d_inner = torch.empty_like(gates), torch.empty_like(inner)
        d_z, d_r, d_g = (part.unbind(0) for part in d_gates.chunk(3, 2))
        d_zr, d_inner_zr = (one[:, :, : 2 * units].unbind(0) for one in (d_gates, d_inner))
        d_inner_t, d_inner_g = d_inner.unbind(0), d_inner[:, :, -units:].unbind(0)
        z_t, r_t = z.unbind(0), r.unbind(0)
        back = recurrent_kernel.t().contiguous()
        left, right = split(back, [2 * units, units])
        for t in range(time - 1, -1, -1):
            if d_outputs is not None:
                d_h += d_outputs[t]
            torch.mul(d_h, z_by_h[t], out=d_z[t])
            torch.mul(d_h, g_by_h[t], out=d_g[t])
            d_h.mul_(z_t[t])
            if reset_after:
                torch.mul(d_g[t], r_by_inner[t], out=d_r[t])
                torch.mul(d_g[t], r_t[t], out=d_inner_g[t])
                d_inner_zr[t].copy_(d_zr[t])
                d_h.addmm_(d_inner_t[t], back)
            else:
                torch.mm(d_g[t], right, out=d_inner_t[t])
                torch.mul(d_inner_t[t], r_by_inner[t], out=d_r[t])
                d_h.addcmul_(d_inner_t[t], r_t[t]).addmm_(d_zr[t], left)
        flat, h_rows = d_gates.view(time * batch, 3 * units), before.view(time * batch, units)
        d_x = torch.mm(flat, kernel.t()).view(time, batch, -1) if ctx.needs_input_grad[0] else None
        d_kernel = torch.mm(rows.t(), flat)
        if reset_after:
            flat_inner = d_inner.view(time * batch, 3 * units)
            d_recurrent, d_recurrent_bias = torch.mm(h_rows.t(), flat_inner), flat_inner.sum(0)
        else:
            d_left = torch.mm(h_rows.t(), flat[:, : 2 * units])
            d_right = torch.mm(inner.view(time * batch, units).t(), flat[:, 2 * units :])
            d_recurrent, d_recurrent_bias = torch.cat([d_left, d_right], 1), None
        return d_x, d_h, d_kernel, d_recurrent, flat.sum(0), d_recurrent_bias, None, None


def _gate_backward(gradient: Tensor, gate: Tensor, hard: bool) -> Tensor:
    """Returns the gradient with respect to what the activation has made a gate of."""
    found: Tensor = _CUT_BACKWARD(gradient, gate, 0.0, 1.0) if hard else _SIGMOID_BACKWARD(gradient, gate)
    return found
