"""The arithmetic of windows that slide over an axis: kernels and pools."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from batchyard.models.errors import InvalidArgumentError

__all__ = ["as_pairs", "as_sizes", "check_padding", "output_size", "same_padding"]


def as_sizes(value: Any, axes: int, name: str) -> tuple[int, ...]:
    """Returns a number or tuple as a tuple of positive numbers, one per axis.

    Raises:
        InvalidArgumentError: if that is impossible.
    """
    try:
        sizes = (int(value),) * axes if not isinstance(value, list | tuple) else tuple(int(v) for v in value)
    except (TypeError, ValueError):
        sizes = ()
    if len(sizes) != axes or any(size < 1 for size in sizes):
        raise InvalidArgumentError(
            f"{name} must be a positive number or a tuple of {axes} positive numbers. Received: {value!r}."
        )
    return sizes


def as_pairs(value: Any, axes: int, name: str) -> tuple[tuple[int, int], ...]:
    """Returns what belongs before and after each axis, as one pair per axis.

    Args:
        value: a number for all sides; a tuple with a number or a pair per axis; for one axis also a pair.
        axes: their number.
        name: of the argument, for the message.

    Raises:
        InvalidArgumentError: if it is none of these, or negative.
    """
    if axes == 1 and isinstance(value, list | tuple):
        value = [value]
    sides = value if isinstance(value, list | tuple) else [value] * axes
    pairs = [tuple(side) if isinstance(side, list | tuple) else (side, side) for side in sides]
    whole = all(isinstance(number, Integral) and int(number) >= 0 for pair in pairs for number in pair)
    if len(pairs) != axes or any(len(pair) != 2 for pair in pairs) or not whole:
        raise InvalidArgumentError(
            f"{name} must be a number, or a tuple with a number or a pair (before, after) for each of "
            f"{axes} axes, none negative. Received: {value!r}."
        )
    return tuple((int(before), int(after)) for before, after in pairs)


def check_padding(padding: str, causal: bool = False) -> str:
    """Returns "valid", "same" or, where that is allowed, "causal" in lower case."""
    allowed = ("valid", "same", "causal") if causal else ("valid", "same")
    lowered = padding.lower() if isinstance(padding, str) else padding
    if lowered not in allowed:
        raise InvalidArgumentError(
            f"padding must be {' or '.join(map(repr, allowed))}. Received: {padding!r}."
        )
    return lowered


def output_size(size: int | None, window: int, padding: str, stride: int, dilation: int = 1) -> int | None:
    """Returns how often a window fits; None for an open size."""
    if size is None:
        return None
    if padding != "valid":
        return -(-size // stride)
    return (size - ((window - 1) * dilation + 1)) // stride + 1


def same_padding(size: int, window: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Returns what padding "same" adds before and after: the odd one after."""
    total = max(0, (-(-size // stride) - 1) * stride + (window - 1) * dilation + 1 - size)
    return total // 2, total - total // 2
