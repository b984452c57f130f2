"""When a checkpoint is due, which is the best, and which may go: pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from batchyard.scheduler.protocol import Checkpoint

__all__ = ["best_of", "improves", "is_best", "outdated", "resolve_mode"]

Mode = Literal["min", "max"]


def resolve_mode(mode: Literal["auto", "min", "max"], monitor: str) -> Mode:
    """Return whether less or more of a quantity is better; `auto` tells by its name, as Keras does."""
    if mode != "auto":
        return mode
    return "max" if "acc" in monitor or monitor.startswith("fmeasure") else "min"


def improves(value: float, best: float | None, mode: Mode) -> bool:
    """Return whether `value` is better than the best so far; NaN never is."""
    if math.isnan(value):
        return False
    if best is None:
        return True
    return value < best if mode == "min" else value > best


def is_best(values: Sequence[float], mode: Mode) -> bool:
    """Return whether the last of the epochs' values is better than all before: the same whoever asks."""
    best: float | None = None
    better = False
    for value in values:
        better = improves(value, best, mode)
        best = value if better else best
    return better


def best_of(checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """Return the best of checkpoints, oldest first: the last that was the best when it was written."""
    return next((c for c in reversed(checkpoints) if c.best), None)


def outdated(checkpoints: Sequence[Checkpoint], keep: int) -> list[Checkpoint]:
    """Return the checkpoints that retention lets go: all but the newest `keep` and the best one.

    Args:
        checkpoints: oldest first.
        keep: how many of the newest stay.
    """
    best = best_of(checkpoints)
    return [c for c in checkpoints[: max(0, len(checkpoints) - keep)] if c != best]
