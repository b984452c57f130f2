"""An LSTM over a whole sequence, with a backward pass of its own: few calls a step.

None of torch's kernels knows hard_sigmoid, Keras 2's default for the gates; through autograd each step would
keep a dozen tensors, and take twice the time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

__all__ = ["hard_lstm"]

_TANH_BACKWARD = torch.ops.aten.tanh_backward
_CUT_BACKWARD = torch.ops.aten.hardtanh_backward


def hard_lstm(
    inputs: Tensor, h: Tensor, c: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Computes an LSTM with hard_sigmoid and tanh; its gates stand in the order i, f, g, o.

    It can be differentiated once.

    Args:
        inputs: (time, batch, features).
        h: the first state (batch, units).
        c: the first cell state (batch, units).
        kernel: (features, 4 * units).
        recurrent_kernel: (units, 4 * units).
        bias: (4 * units,), or None.

    Returns:
        outputs (time, batch, units), and the last h and c.
    """
    # hard_sigmoid(z) is 0.2 z + 0.5, cut to 0 … 1: factor and addend go into the weights.
    units = h.shape[1]
    factor = kernel.new_full((4 * units,), 0.2)
    addend = kernel.new_full((4 * units,), 0.5)
    factor[2 * units : 3 * units] = 1.0
    addend[2 * units : 3 * units] = 0.0
    outputs, last_h, last_c = _HardLstm.apply(  # type: ignore[no-untyped-call]
        inputs,
        h,
        c,
        kernel * factor,
        recurrent_kernel * factor,
        addend if bias is None else torch.addcmul(addend, bias, factor),
    )
    return outputs, last_h, last_c


class _HardLstm(Function):
    """The same, but the gates i, f and o are only cut to 0 … 1."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        time, batch, _ = x.shape
        units = h.shape[1]
        rows = x.reshape(time * batch, -1)
        gates = torch.addmm(bias, rows, kernel).view(time, batch, 4 * units)
        states, cells = x.new_empty((2, time + 1, batch, units)).unbind(0)
        states[0], cells[0] = h, c
        i, f, g, o = (part.unbind(0) for part in gates.chunk(4, 2))
        i_f = gates[:, :, : 2 * units].unbind(0)
        z_t, h_t, c_t = (part.unbind(0) for part in (gates, states, cells))
        for t in range(time):
            z_t[t].addmm_(h_t[t], recurrent_kernel)
            i_f[t].clamp_(0.0, 1.0)
            o[t].clamp_(0.0, 1.0)
            torch.mul(f[t], c_t[t], out=c_t[t + 1]).addcmul_(i[t], g[t].tanh_())
            torch.tanh(c_t[t + 1], out=h_t[t + 1]).mul_(o[t])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(rows, gates, states, cells, kernel, recurrent_kernel)
        return states[1:], states[-1].clone(), cells[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor | None, d_h: Tensor | None, d_c: Tensor | None) -> Any:
        rows, gates, states, cells, kernel, recurrent_kernel = ctx.saved_tensors
        time, batch, units = states.shape[0] - 1, states.shape[1], states.shape[2]
        d_c = torch.zeros_like(states[0]) if d_c is None else d_c.clone()
        d_h = torch.zeros_like(states[0]) if d_h is None else d_h
        # What does not depend on later steps is computed for all of them at once: the derivatives of c and
        # of gate o by h, and those of the other gates by c.
        i, f, g, o = gates.chunk(4, 2)
        tanh_c = torch.tanh(cells[1:])
        c_by_h = _TANH_BACKWARD(o, tanh_c).unbind(0)
        o_by_h = _CUT_BACKWARD(tanh_c, o, 0.0, 1.0).unbind(0)
        i_by_c = _CUT_BACKWARD(g, i, 0.0, 1.0).unbind(0)
        f_by_c = _CUT_BACKWARD(cells[:-1], f, 0.0, 1.0).unbind(0)
        g_by_c = _TANH_BACKWARD(i, g).unbind(0)
        d_gates = torch.empty_like(gates)
        d_i, d_f, d_g, d_o = (part.unbind(0) for part in d_gates.chunk(4, 2))
        d_z, f_t = d_gates.unbind(0), f.unbind(0)
        back = recurrent_kernel.t().contiguous()
        for t in range(time - 1, -1, -1):
            if d_outputs is not None:
                d_h = d_h + d_outputs[t]
            d_c.addcmul_(d_h, c_by_h[t])
            torch.mul(d_h, o_by_h[t], out=d_o[t])
            torch.mul(d_c, i_by_c[t], out=d_i[t])
            torch.mul(d_c, f_by_c[t], out=d_f[t])
            torch.mul(d_c, g_by_c[t], out=d_g[t])
            d_c.mul_(f_t[t])
            d_h = torch.mm(d_z[t], back)
        flat = d_gates.view(time * batch, 4 * units)
        d_x = torch.mm(flat, kernel.t()).view(time, batch, -1) if ctx.needs_input_grad[0] else None
        d_kernel = torch.mm(rows.t(), flat)
        d_recurrent = torch.mm(states[:-1].view(time * batch, units).t(), flat)
        return d_x, d_h, d_c, d_kernel, d_recurrent, flat.sum(0)
