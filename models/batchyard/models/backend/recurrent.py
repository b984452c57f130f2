"""Loops over time.

Source: Keras 2.2.4, `backend.rnn`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.symbolic_call import as_tensor, operation

__all__ = ["rnn"]


@operation
def rnn(
    step_function: Callable[[Tensor, list[Any]], tuple[Tensor, Sequence[Tensor]]],
    inputs: Any,
    initial_states: Sequence[Any],
    go_backwards: bool = False,
    mask: Any = None,
    constants: Sequence[Any] | None = None,
    unroll: bool = False,
    input_length: int | None = None,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Goes through the time steps of a batch.

    Where a step is masked, the states stay, and the output is the first state; with `unroll`, or if the first
    state has another shape, it is that of the step before (0 at the first).

    Args:
        step_function: (input of a step, states + constants) to (output, new states).
        inputs: (batch, time, …).
        initial_states: before the first step.
        go_backwards: whether to begin with the last step.
        mask: (batch, time) or (batch, time, 1), False where a step does not count.
        constants: passed to every step behind the states.
        unroll: changes only what masked steps put out.
        input_length: accepted for Keras's sake.

    Returns:
        the last output, all outputs (batch, time, …), the last states.
    """
    steps = as_tensor(inputs).transpose(0, 1)
    counts = None if mask is None else _by_time(as_tensor(mask))
    order = range(len(steps) - 1, -1, -1) if go_backwards else range(len(steps))
    states: list[Any] = list(initial_states)
    outputs: list[Tensor] = []
    for time in order:
        output, new_states = step_function(steps[time], [*states, *(constants or ())])
        if counts is None:
            states = list(new_states)
        else:
            if not unroll and states and states[0].shape == output.shape:
                before = states[0]
            else:
                before = outputs[-1] if outputs else torch.zeros_like(output)
            output = _where(counts[time], output, before)
            states = [_where(counts[time], new, old) for new, old in zip(new_states, states, strict=True)]
        outputs.append(output)
    return outputs[-1], torch.stack(outputs, 1), states


def _by_time(mask: Tensor) -> Tensor:
    flat = mask.squeeze(-1) if mask.ndim == 3 else mask
    return flat.to(torch.bool).transpose(0, 1)


def _where(counts: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(counts.reshape(-1, *[1] * (new.ndim - 1)), new, old)
