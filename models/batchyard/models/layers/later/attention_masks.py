"""What layers of attention share: who sees whom, and how scores become weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["causal_mask", "merged", "softmax_over", "weights_of"]

#: What a score becomes that does not count: a row without any that does is spread evenly.
_NOTHING = -1e9


def causal_mask(queries: int, steps: int, device: torch.device) -> Tensor:
    """Returns (queries, steps): True where a step is not behind the query's place."""
    return torch.ones(queries, steps, dtype=torch.bool, device=device).tril()


def merged(masks: Sequence[Tensor | None]) -> Tensor | None:
    """Returns where all masks are True; None if there are none."""
    found: Tensor | None = None
    for mask in masks:
        if mask is not None:
            found = mask.bool() if found is None else found & mask.bool()
    return found


def softmax_over(x: Tensor, axis: int | Sequence[int]) -> Tensor:
    """Returns exp(x), normalized to sum 1 over one axis or several together."""
    if isinstance(axis, int):
        return torch.softmax(x, axis)
    return torch.exp(x - torch.logsumexp(x, tuple(axis), keepdim=True))


def weights_of(scores: Tensor, seen: Tensor | None, axis: int | Sequence[int]) -> Tensor:
    """Returns the softmax of the scores that a mask lets be seen; the others get 0.

    Args:
        scores: any shape.
        seen: True where a score counts, broadcast to the scores; None if all do.
        axis: over which the weights sum up to 1.
    """
    if seen is None:
        return softmax_over(scores, axis)
    nothing = max(_NOTHING, torch.finfo(scores.dtype).min)
    return softmax_over(torch.where(seen, scores, nothing), axis)
