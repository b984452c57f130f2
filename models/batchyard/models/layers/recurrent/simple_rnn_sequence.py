"""A simple recurrent layer over a whole sequence, with a backward pass of its own.

On a CPU torch's own kernel is made of steps through autograd, which take half as long again; and it knows no
masked steps, nor dropout masks that stay the same for all steps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from batchyard.models.layers.recurrent.cell import DropoutMasks
from batchyard.models.layers.recurrent.sequence_products import InputProduct, StateProduct

__all__ = ["simple_rnn"]

_TANH_BACKWARD = torch.ops.aten.tanh_backward.grad_input
_RELU_BACKWARD = torch.ops.aten.threshold_backward.grad_input


def simple_rnn(
    inputs: Tensor,
    h: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None,
    relu: bool,
    masks: DropoutMasks,
    counts: Tensor | None,
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
        masks: of dropout.
        counts: (time, batch), False where a row is masked: its state stays; None if all count.

    Returns:
        outputs (time, batch, units), and the last state.
    """
    given = kernel.new_zeros(kernel.shape[1]) if bias is None else bias
    outputs, last = _SimpleRnn.apply(  # type: ignore[no-untyped-call]
        inputs, h, kernel, recurrent_kernel, given, relu, masks, counts
    )
    return outputs, last


class _SimpleRnn(Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        h: Tensor,
        kernel: Tensor,
        recurrent_kernel: Tensor,
        bias: Tensor,
        relu: bool,
        masks: DropoutMasks,
        counts: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        outputs = InputProduct(x, kernel, masks.inputs).plus(bias)
        recurrent = StateProduct(recurrent_kernel, masks.states)
        counted = None if counts is None else counts.unsqueeze(2).unbind(0)
        before = h
        for t, output in enumerate(outputs.unbind(0)):
            recurrent.add(output, before)
            if relu:
                torch.relu_(output)
            else:
                torch.tanh_(output)
            if counted is not None:
                torch.where(counted[t], output, before, out=output)
            before = output
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, h, outputs, kernel, recurrent_kernel)
        ctx.relu, ctx.masks, ctx.counts = relu, masks, counts
        return outputs, outputs[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor | None, d_last: Tensor | None) -> Any:
        x, h, outputs, kernel, recurrent_kernel = ctx.saved_tensors
        recurrent = StateProduct(recurrent_kernel, ctx.masks.states)
        d_h = torch.zeros_like(h) if d_last is None else d_last.clone()
        d_sums = torch.empty_like(outputs)
        h_t, d_t = outputs.unbind(0), d_sums.unbind(0)
        counts = None if ctx.counts is None else ctx.counts.unsqueeze(2).to(h.dtype)
        counted = None if counts is None else counts.unbind(0)
        skipped = None if counts is None else (1.0 - counts).unbind(0)
        for t in range(len(h_t) - 1, -1, -1):
            if d_outputs is not None:
                d_h = d_h + d_outputs[t]
            if ctx.relu:
                _RELU_BACKWARD(d_h, h_t[t], 0.0, grad_input=d_t[t])
            else:
                _TANH_BACKWARD(d_h, h_t[t], grad_input=d_t[t])
            if counted is not None:
                d_t[t].mul_(counted[t])
            through = recurrent.gradient(d_t[t])
            d_h = through if skipped is None else through.addcmul_(d_h, skipped[t])
        flat = d_sums.flatten(0, 1)
        of_input = InputProduct(x, kernel, ctx.masks.inputs)
        d_x = of_input.x_gradient(flat) if ctx.needs_input_grad[0] else None
        d_recurrent = recurrent.kernel_gradient(torch.cat([h[None], outputs[:-1]]), flat)
        return d_x, d_h, of_input.kernel_gradient(flat), d_recurrent, flat.sum(0), None, None, None
