"""A recurrent computation step by step, and what masks mean for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["Step", "insert_rows", "run_steps"]

#: Computes one step: (input, states) gives (output, new states).
Step = Callable[[Tensor, Sequence[Tensor]], tuple[Tensor, Sequence[Tensor]]]


def run_steps(
    step: Step,
    inputs: Sequence[Tensor],
    states: Sequence[Tensor],
    masks: Sequence[Tensor] | None,
    unroll: bool,
) -> tuple[list[Tensor], list[Tensor]]:
    """Computes a sequence.

    Where a row is masked, the states stay and the output is the first state: for all cells of this library
    that is the output of the step before, and for stacked ones that of the first cell. With `unroll` the
    output is repeated instead, and begins with zeros. So does Keras. Where the first state has another shape
    than the output, which Keras refuses, it is as with `unroll`.

    Args:
        step: computes one step.
        inputs: one tensor (batch, …) a time step.
        states: the initial ones.
        masks: one tensor (batch,) a time step, False where a row is masked; None for none.
        unroll: see above.

    Returns:
        the outputs of all steps, and the last states.
    """
    outputs: list[Tensor] = []
    current = list(states)
    if masks is None:
        for x in inputs:
            output, new = step(x, current)
            current = list(new)
            outputs.append(output)
        return outputs, current
    for x, mask in zip(inputs, masks, strict=True):
        output, new = step(x, current)
        if not unroll and current[0].shape == output.shape:
            before = current[0]
        else:
            before = outputs[-1] if outputs else torch.zeros_like(output)
        chosen = torch.where(_like(mask, output), output, before)
        is_state = new[0] is output and current[0] is before  # as for all cells of this library
        current = [
            chosen if is_state and number == 0 else torch.where(_like(mask, one), one, old)
            for number, (one, old) in enumerate(zip(new, current, strict=True))
        ]
        outputs.append(chosen)
    return outputs, current


def insert_rows(whole: Tensor | None, rows: slice, part: Tensor, shape: Sequence[int]) -> Tensor:
    """Returns a copy of a batch's states with those of some rows replaced.

    Args:
        whole: states of all rows; None for zeros.
        rows: which to replace.
        part: by what.
        shape: of the states of all rows.
    """
    copy = part.new_zeros(tuple(shape)) if whole is None else whole.to(part.device, copy=True)
    copy[rows] = part
    return copy


def _like(mask: Tensor, tensor: Tensor) -> Tensor:
    return mask.view(-1, *[1] * (tensor.ndim - 1))
