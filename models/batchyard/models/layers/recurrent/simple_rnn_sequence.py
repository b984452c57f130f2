"""A simple recurrent layer over a whole sequence, with a backward pass of its own.

On a CPU torch's own kernel is made of steps through autograd, which take half as long again.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

__all__ = ["simple_rnn"]

_TANH_BACKWARD = torch.ops.aten.tanh_backward.grad_input
_RELU_BACKWARD = torch.ops.aten.threshold_backward.grad_input


def simple_rnn(
    inputs: Tensor, h: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor | None, relu: bool
) -> tuple[Tensor, Tensor]:
    """Computes h = tanh(x · kernel + h · recurrent kernel + bias), over the time steps.

    It can be differentiated once.

    Args:
        inputs: (time, batch, features).
        h: the first state (batch, units).
        kernel: (features, units).
        recurrent_kernel: (units, units).
        bias: (units,), or None.
        relu: relu instead of tanh.

    Returns:
        outputs (time, batch, units), and the last state.
    """
    given = kernel.new_zeros(kernel.shape[1]) if bias is None else bias
    outputs, last = _SimpleRnn.apply(inputs, h, kernel, recurrent_kernel, given, relu)  # type: ignore[no-untyped-call]
    return outputs, last


class _SimpleRnn(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, h: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor, relu: bool
    ) -> tuple[Tensor, Tensor]:
        time, batch, _ = x.shape
        rows = x.reshape(time * batch, -1)
        outputs = torch.addmm(bias, rows, kernel).view(time, batch, -1)
        before = h
        for output in outputs.unbind(0):
            output.addmm_(before, recurrent_kernel)
            before = torch.relu_(output) if relu else torch.tanh_(output)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(rows, h, outputs, kernel, recurrent_kernel)
        ctx.relu = relu
        return outputs, outputs[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor | None, d_last: Tensor | None) -> Any:
        rows, h, outputs, kernel, recurrent_kernel = ctx.saved_tensors
        d_h = torch.zeros_like(h) if d_last is None else d_last.clone()
        d_sums = torch.empty_like(outputs)
        back = recurrent_kernel.t().contiguous()
        h_t, d_t = outputs.unbind(0), d_sums.unbind(0)
        for t in range(len(h_t) - 1, -1, -1):
            if d_outputs is not None:
                d_h += d_outputs[t]
            if ctx.relu:
                _RELU_BACKWARD(d_h, h_t[t], 0.0, grad_input=d_t[t])
            else:
                _TANH_BACKWARD(d_h, h_t[t], grad_input=d_t[t])
            torch.mm(d_t[t], back, out=d_h)
        flat = d_sums.flatten(0, 1)
        d_x = torch.mm(flat, kernel.t()).view(*outputs.shape[:2], -1) if ctx.needs_input_grad[0] else None
        d_recurrent = torch.mm(torch.cat([h[None], outputs[:-1]]).flatten(0, 1).t(), flat)
        return d_x, d_h, torch.mm(rows.t(), flat), d_recurrent, flat.sum(0), None
