"""The arithmetic of windows that slide over an axis: kernels and pools."""

from __future__ import annotations

from typing import Any

from batchyard.models.errors import InvalidArgumentError

__all__ = ["as_sizes", "check_padding", "output_size", "same_padding"]


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


def check_padding(padding: str) -> str:
    """Returns "valid" or "same" in lower case."""
    lowered = padding.lower() if isinstance(padding, str) else padding
    if lowered not in ("valid", "same"):
        raise InvalidArgumentError(f"padding must be 'valid' or 'same'. Received: {padding!r}.")
    return lowered


def output_size(size: int | None, window: int, padding: str, stride: int, dilation: int = 1) -> int | None:
    """Returns how often a window fits; None for an open size."""
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    return (size - ((window - 1) * dilation + 1)) // stride + 1


def same_padding(size: int, window: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Returns what padding "same" adds before and after: the odd one after."""
    total = max(0, (-(-size // stride) - 1) * stride + (window - 1) * dilation + 1 - size)
    return total // 2, total - total // 2
