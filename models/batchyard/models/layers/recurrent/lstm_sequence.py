"""An LSTM over a whole sequence, with a backward pass of its own: few calls a step.

None of torch's kernels knows hard_sigmoid, Keras 2's default for the gates, masked steps, or dropout masks
that are the same for all steps; through autograd each step would keep a dozen tensors, and take twice the
time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from batchyard.models.layers.recurrent.cell import DropoutMasks
from batchyard.models.layers.recurrent.sequence_products import InputProduct, StateProduct, gate_backward

__all__ = ["lstm"]

_TANH_BACKWARD = torch.ops.aten.tanh_backward
_TANH_BACKWARD_OUT = torch.ops.aten.tanh_backward.grad_input


def lstm(
    inputs: Tensor,
    h: Tensor,
    c: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None,
    hard: bool,
    masks: DropoutMasks,
    counts: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Computes an LSTM with tanh; its gates stand in the order i, f, g, o.

    It can be differentiated once.

    Args:
        inputs: (time, batch, features).
        h: the first state (batch, units).
        c: the first cell state (batch, units).
        kernel: (features, 4 * units).
        recurrent_kernel: (units, 4 * units).
        bias: (4 * units,), or None.
        hard: whether i, f and o are hard_sigmoid; sigmoid by default.
        masks: of dropout.
        counts: (time, batch), False where a row is masked: its states stay; None if all count.

    Returns:
        outputs (time, batch, units), and the last h and c.
    """
    units = h.shape[1]
    if bias is None:
        bias = kernel.new_zeros(4 * units)
    if hard:
        # hard_sigmoid(z) is 0.2 z + 0.5, cut to 0 … 1: factor and addend go into the weights.
        factor, addend = kernel.new_full((4 * units,), 0.2), kernel.new_full((4 * units,), 0.5)
        factor[2 * units : 3 * units], addend[2 * units : 3 * units] = 1.0, 0.0
        kernel, recurrent_kernel = kernel * factor, recurrent_kernel * factor
        bias = torch.addcmul(addend, bias, factor)
    outputs, last_h, last_c = _Lstm.apply(  # type: ignore[no-untyped-call]
        inputs, h, c, kernel, recurrent_kernel, bias, hard, masks, counts
    )
    return outputs, last_h, last_c


class _Lstm(Function):
    """The same; if `hard`, the gates i, f and o are only cut to 0 … 1."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        h: Tensor,
        c: Tensor,
        kernel: Tensor,
        recurrent_kernel: Tensor,
        bias: Tensor,
        hard: bool,
        masks: DropoutMasks,
        counts: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        time, batch, _ = x.shape
        units = h.shape[1]
        gates = InputProduct(x, kernel, masks.inputs).plus(bias)
        recurrent = StateProduct(recurrent_kernel, masks.states)
        states, cells = x.new_empty((2, time + 1, batch, units)).unbind(0)
        states[0], cells[0] = h, c
        i, f, g, o = (part.unbind(0) for part in gates.chunk(4, 2))
        i_f = gates[:, :, : 2 * units].unbind(0)
        steps, h_t, c_t = recurrent.steps(gates), states.unbind(0), cells.unbind(0)
        counted = None if counts is None else counts.unsqueeze(2).unbind(0)
        for t in range(time):
            recurrent.add(steps[t], h_t[t])
            for gate in (i_f[t], o[t]):
                if hard:
                    gate.clamp_(0.0, 1.0)
                else:
                    gate.sigmoid_()
            torch.mul(f[t], c_t[t], out=c_t[t + 1]).addcmul_(i[t], g[t].tanh_())
            torch.tanh(c_t[t + 1], out=h_t[t + 1]).mul_(o[t])
            if counted is not None:
                torch.where(counted[t], c_t[t + 1], c_t[t], out=c_t[t + 1])
                torch.where(counted[t], h_t[t + 1], h_t[t], out=h_t[t + 1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, gates, states, cells, kernel, recurrent_kernel)
        ctx.hard, ctx.masks, ctx.counts = hard, masks, counts
        return states[1:], states[-1].clone(), cells[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor | None, d_h: Tensor | None, d_c: Tensor | None) -> Any:
        x, gates, states, cells, kernel, recurrent_kernel = ctx.saved_tensors
        hard, masks = ctx.hard, ctx.masks
        recurrent = StateProduct(recurrent_kernel, masks.states)
        time, batch, units = states.shape[0] - 1, states.shape[1], states.shape[2]
        d_c = torch.zeros_like(states[0]) if d_c is None else d_c.clone()
        d_h = torch.zeros_like(states[0]) if d_h is None else d_h
        # What does not depend on later steps is computed for all of them at once: the derivatives of c and
        # of gate o by h, and those of the other gates by c.
        i, f, g, o = gates.chunk(4, 2)
        tanh_c = torch.tanh(cells[1:])
        c_by_h, o_by_h = _TANH_BACKWARD(o, tanh_c), gate_backward(tanh_c, o, hard)
        ifg_by_c = x.new_empty((time, batch, 3, units))
        gate_backward(g, i, hard, out=ifg_by_c[:, :, 0])
        gate_backward(cells[:-1], f, hard, out=ifg_by_c[:, :, 1])
        _TANH_BACKWARD_OUT(i, g, grad_input=ifg_by_c[:, :, 2])
        skipped = None
        if ctx.counts is not None:  # nothing goes through the gates of a masked step, and all goes past them
            counts = ctx.counts.unsqueeze(2)
            c_by_h.mul_(counts)
            o_by_h.mul_(counts)
            ifg_by_c.mul_(counts.unsqueeze(3))
            f = torch.where(counts, f, 1.0)
            skipped = (~counts).to(f.dtype).unbind(0)
        c_by_h_t, o_by_h_t, ifg_by_c_t = (one.unbind(0) for one in (c_by_h, o_by_h, ifg_by_c))
        d_gates = torch.empty_like(gates)
        d_parts = d_gates.view(time, batch, 4, units)
        d_ifg_t, d_o_t = d_parts[:, :, :3].unbind(0), d_parts[:, :, 3].unbind(0)
        d_steps, f_t = recurrent.steps(d_gates), f.unbind(0)
        for t in range(time - 1, -1, -1):
            if d_outputs is not None:
                d_h = d_h + d_outputs[t]
            d_c.addcmul_(d_h, c_by_h_t[t])
            torch.mul(d_h, o_by_h_t[t], out=d_o_t[t])
            torch.mul(d_c.unsqueeze(1), ifg_by_c_t[t], out=d_ifg_t[t])
            d_c.mul_(f_t[t])
            through = recurrent.gradient(d_steps[t])
            d_h = through if skipped is None else through.addcmul_(d_h, skipped[t])
        flat = d_gates.view(time * batch, 4 * units)
        of_input = InputProduct(x, kernel, masks.inputs)
        d_x = of_input.x_gradient(flat) if ctx.needs_input_grad[0] else None
        d_recurrent = recurrent.kernel_gradient(states[:-1], flat)
        return d_x, d_h, d_c, of_input.kernel_gradient(flat), d_recurrent, flat.sum(0), None, None, None
