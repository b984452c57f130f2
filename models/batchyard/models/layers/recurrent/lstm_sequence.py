"""An LSTM over a whole sequence, with a backward pass of its own: few calls a step, and no more memory.

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
_CUT_BACKWARD = torch.ops.aten.hardtanh_backward.grad_input


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
        gates = x.new_empty((time, batch, 4 * units))
        states, cells = x.new_empty((2, time + 1, batch, units)).unbind(0)
        states[0], cells[0] = h, c
        i, f, g, o = (part.unbind(0) for part in gates.chunk(4, 2))
        i_f = gates[:, :, : 2 * units].unbind(0)
        x_t, z_t, h_t, c_t = (part.unbind(0) for part in (x, gates, states, cells))
        for t in range(time):
            torch.addmm(bias, x_t[t], kernel, out=z_t[t]).addmm_(h_t[t], recurrent_kernel)
            i_f[t].clamp_(0.0, 1.0)
            o[t].clamp_(0.0, 1.0)
            torch.mul(f[t], c_t[t], out=c_t[t + 1]).addcmul_(i[t], g[t].tanh_())
            torch.tanh(c_t[t + 1], out=h_t[t + 1]).mul_(o[t])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, gates, states, cells, kernel, recurrent_kernel)
        return states[1:], states[-1].clone(), cells[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor | None, d_h: Tensor | None, d_c: Tensor | None) -> Any:
        x, gates, states, cells, kernel, recurrent_kernel = ctx.saved_tensors
        time, batch, units = states.shape[0] - 1, states.shape[1], states.shape[2]
        d_c = torch.zeros_like(states[0]) if d_c is None else d_c.clone()
        d_h = torch.zeros_like(states[0]) if d_h is None else d_h
        d_gates = torch.empty_like(gates)
        i, f, g, o = (part.unbind(0) for part in gates.chunk(4, 2))
        d_i, d_f, d_g, d_o = (part.unbind(0) for part in d_gates.chunk(4, 2))
        z_t, d_z, c_t = (part.unbind(0) for part in (gates, d_gates, cells))
        back = recurrent_kernel.t().contiguous()
        for t in range(time - 1, -1, -1):
            if d_outputs is not None:
                d_h = d_h + d_outputs[t]
            tanh_c = torch.tanh(c_t[t + 1])
            torch.mul(d_h, tanh_c, out=d_o[t])
            d_c += _TANH_BACKWARD(d_h.mul(o[t]), tanh_c)
            torch.mul(d_c, g[t], out=d_i[t])
            torch.mul(d_c, c_t[t], out=d_f[t])
            _CUT_BACKWARD(d_z[t], z_t[t], 0.0, 1.0, grad_input=d_z[t])
            torch.mul(i[t], d_c, out=d_g[t])
            _TANH_BACKWARD.grad_input(d_g[t], g[t], grad_input=d_g[t])
            d_c *= f[t]
            d_h = torch.mm(d_z[t], back)
        flat = d_gates.view(time * batch, 4 * units)
        d_x = torch.mm(flat, kernel.t()).view(x.shape) if ctx.needs_input_grad[0] else None
        d_kernel = torch.mm(x.reshape(time * batch, -1).t(), flat)
        d_recurrent = torch.mm(states[:-1].view(time * batch, units).t(), flat)
        return d_x, d_h, d_c, d_kernel, d_recurrent, flat.sum(0)
