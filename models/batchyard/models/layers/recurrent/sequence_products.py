"""A recurrent layer's products over a whole sequence, behind dropout masks for all gates or for each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["InputProduct", "StateProduct", "gate_backward"]

_SIGMOID_BACKWARD = torch.ops.aten.sigmoid_backward.grad_input
_CUT_BACKWARD = torch.ops.aten.hardtanh_backward.grad_input


class InputProduct:
    """x · kernel for all steps at once, where x is multiplied by a dropout mask first.

    Args:
        x: (time, batch, features).
        kernel: (features, gates * units).
        masks: of (batch, features): one for all gates, or one per gate; None for none.
    """

    def __init__(self, x: Tensor, kernel: Tensor, masks: Sequence[Tensor] | None) -> None:
        self._x = x
        self._kernel = kernel
        self._masks: Sequence[Tensor | None] = masks or [None]
        self._kernels = kernel.chunk(len(self._masks), 1)

    def plus(self, bias: Tensor) -> Tensor:
        """Returns x · kernel + bias: (time, batch, gates * units)."""
        biases = bias.chunk(len(self._masks))
        parts = [
            torch.addmm(b, self._rows(mask), part)
            for b, mask, part in zip(biases, self._masks, self._kernels, strict=True)
        ]
        whole = parts[0] if len(parts) == 1 else torch.cat(parts, 1)
        return whole.view(*self._x.shape[:2], -1)

    def kernel_gradient(self, gradient: Tensor) -> Tensor:
        """Returns the kernel's gradient, given that of the sum (time * batch, gates * units)."""
        parts = gradient.chunk(len(self._masks), 1)
        found = [torch.mm(self._rows(m).t(), part) for m, part in zip(self._masks, parts, strict=True)]
        return found[0] if len(found) == 1 else torch.cat(found, 1)

    def x_gradient(self, gradient: Tensor) -> Tensor:
        """Returns the gradient of x, given that of the sum (time * batch, gates * units)."""
        total: Tensor | None = None
        parts = gradient.chunk(len(self._masks), 1)
        for mask, part, kernel in zip(self._masks, parts, self._kernels, strict=True):
            found = torch.mm(part, kernel.t()).view(self._x.shape)
            if mask is not None:
                found.mul_(mask)
            total = found if total is None else total.add_(found)
        assert total is not None  # there is one mask or None at least
        return total

    def _rows(self, mask: Tensor | None) -> Tensor:
        return (self._x if mask is None else self._x * mask).reshape(-1, self._x.shape[2])


class StateProduct:
    """h · kernel, step by step, where h is multiplied by a dropout mask first.

    Args:
        kernel: (units, gates * units).
        masks: of (batch, units): one for all gates, or one per gate; None for none.
    """

    def __init__(self, kernel: Tensor, masks: Sequence[Tensor] | None) -> None:
        self._kernel = kernel
        self._count = len(masks) if masks else 0
        self._mask: Tensor | None = None
        if self._count == 1:
            assert masks is not None
            self._mask = masks[0]
        elif masks:
            self._mask = torch.stack(list(masks))
            self._kernel = torch.stack(kernel.chunk(self._count, 1))
        self._back = self._kernel.mT.contiguous()

    def steps(self, gates: Tensor) -> tuple[Tensor, ...]:
        """Returns what belongs to each step, as `add` and `gradient` take it: views.

        Args:
            gates: (time, batch, gates * units).
        """
        if self._count > 1:
            gates = gates.view(*gates.shape[:2], self._count, -1).transpose(1, 2)
        found: tuple[Tensor, ...] = gates.unbind(0)
        return found

    def add(self, step: Tensor, h: Tensor) -> None:
        """Adds h · kernel to the gates of a step, in place; h is (batch, units)."""
        if self._mask is None:
            step.addmm_(h, self._kernel)
        elif self._count == 1:
            step.addmm_(h * self._mask, self._kernel)
        else:
            step.baddbmm_(h * self._mask, self._kernel)

    def gradient(self, step: Tensor) -> Tensor:
        """Returns the gradient of h, given that of a step's gates."""
        if self._mask is None:
            return torch.mm(step, self._back)
        if self._count == 1:
            return torch.mm(step, self._back).mul_(self._mask)
        return torch.bmm(step, self._back).mul_(self._mask).sum(0)

    def add_gradient(self, step: Tensor, d_h: Tensor) -> None:
        """Adds the gradient of h, given that of a step's gates, in place."""
        if self._mask is None:
            d_h.addmm_(step, self._back)
        else:
            d_h.add_(self.gradient(step))

    def kernel_gradient(self, states: Tensor, gradient: Tensor) -> Tensor:
        """Returns the kernel's gradient.

        Args:
            states: h before each step, (time, batch, units).
            gradient: that of the gates, (time * batch, gates * units).
        """
        masks = [self._mask] if self._count < 2 else self._masks_apart()
        rows = [(states if m is None else states * m).reshape(-1, states.shape[2]) for m in masks]
        found = [torch.mm(r.t(), part) for r, part in zip(rows, gradient.chunk(len(rows), 1), strict=True)]
        return found[0] if len(found) == 1 else torch.cat(found, 1)

    def _masks_apart(self) -> list[Tensor | None]:
        assert self._mask is not None
        return list(self._mask.unbind(0))


def gate_backward(gradient: Tensor, gate: Tensor, hard: bool, out: Tensor | None = None) -> Tensor:
    """Returns the gradient with respect to what the activation has made a gate of.

    Args:
        gradient: of the gate.
        gate: its value.
        hard: whether it was cut to 0 … 1; else it is a sigmoid.
        out: takes the result; a new tensor by default.
    """
    if out is None:
        out = torch.empty_like(gradient)
    if hard:
        _CUT_BACKWARD(gradient, gate, 0.0, 1.0, grad_input=out)
    else:
        _SIGMOID_BACKWARD(gradient, gate, grad_input=out)
    return out
