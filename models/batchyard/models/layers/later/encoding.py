"""Numbers of categories as vectors: what preprocessing layers share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import InvalidArgumentError

__all__ = ["check_mode", "encode", "encoded_shape", "expect_few"]

_MODES = ("one_hot", "multi_hot", "count")
#: The most categories: a file may ask for any number.
_MOST = 2**20


def check_mode(mode: str, sparse: Any, also: tuple[str, ...] = ()) -> str:
    """Returns how categories are put out.

    Raises:
        InvalidArgumentError: if it is another way, or by tensors that keep their zeros out.
    """
    if mode not in (*_MODES, *also) or sparse:
        raise InvalidArgumentError(
            f"output_mode must be one of {', '.join((*_MODES, *also))}, and sparse False. Received: "
            f"{mode!r}, sparse={sparse!r}."
        )
    return mode


def expect_few(count: int) -> int:
    """Returns a number of categories.

    Raises:
        InvalidArgumentError: if there are none, or too many.
    """
    if not 0 < count <= _MOST:
        raise InvalidArgumentError(f"There may be from 1 to {_MOST} categories. Received: {count}.")
    return count


def encode(indices: Tensor, mode: str, count: int, weights: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Returns a vector for each row, or with "one_hot" for each number.

    Args:
        indices: from 0 to below `count`.
        mode: "one_hot"; "multi_hot", 1 for each category in the row; or "count", how often it is there.
        count: of categories.
        weights: of the numbers, for "count".
        dtype: of the result.

    Raises:
        InvalidArgumentError: where a number is outside.
    """
    expect_few(count)
    if not indices.is_meta and bool(((indices < 0) | (indices >= count)).any()):
        raise InvalidArgumentError(f"Expected categories from 0 to {count - 1}, found others.")
    if mode == "one_hot" or indices.ndim < 2:
        indices = indices if indices.ndim > 1 and indices.shape[-1] == 1 else indices.unsqueeze(-1)
        weights = None if weights is None else weights.reshape(indices.shape)
    found = torch.zeros((*indices.shape[:-1], count), dtype=dtype, device=indices.device)
    ones = torch.ones_like(indices, dtype=dtype) if weights is None else weights.to(dtype)
    found = found.scatter_add(-1, indices.long(), ones)
    return found if mode == "count" else (found > 0).to(dtype)


def encoded_shape(shape: Shape, mode: str, count: int) -> Shape:
    """Returns the shape of what `encode` returns."""
    alone = mode == "one_hot" and shape[-1] != 1
    return (*(shape if alone or len(shape) < 2 else shape[:-1]), count)
