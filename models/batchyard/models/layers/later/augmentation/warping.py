"""Images turned, moved and stretched: each place of the result is looked up at another of the image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from batchyard.models.errors import InvalidArgumentError

__all__ = ["check_filling", "warp"]

_FILLINGS = ("reflect", "wrap", "constant", "nearest")


def check_filling(fill_mode: str, interpolation: str) -> None:
    """Compares two arguments with what `warp` takes.

    Raises:
        InvalidArgumentError: if one is something else.
    """
    if fill_mode not in _FILLINGS or interpolation not in ("nearest", "bilinear"):
        raise InvalidArgumentError(
            f"fill_mode must be one of {', '.join(_FILLINGS)}, interpolation 'nearest' or 'bilinear'. "
            f"Received: {fill_mode!r}, {interpolation!r}."
        )


def warp(
    images: Tensor, place: Sequence[Tensor], fill_mode: str, interpolation: str, fill_value: float
) -> Tensor:
    """Returns images whose element at column x and row y is that of the image at other places.

    Args:
        images: (batch, rows, columns, channels).
        place: six tensors (batch,): the column is a x + b y + c, the row d x + e y + f.
        fill_mode: what lies beyond the image: its mirror image, itself again, one number, or its rim.
        interpolation: "bilinear" takes means of the four elements around, "nearest" one of them.
        fill_value: the number, for "constant".
    """
    _, rows, columns, _ = images.shape
    x = torch.arange(columns, device=images.device, dtype=images.dtype)
    y = torch.arange(rows, device=images.device, dtype=images.dtype).unsqueeze(-1)
    a, b, c, d, e, f = (one.view(-1, 1, 1) for one in place)
    column = _within(a * x + b * y + c, columns, fill_mode)
    row = _within(d * x + e * y + f, rows, fill_mode)
    if interpolation == "nearest":
        return _elements(images, torch.round(row), torch.round(column), fill_value)
    left, top = torch.floor(column), torch.floor(row)
    right_share, low_share = (column - left).unsqueeze(-1), (row - top).unsqueeze(-1)
    above, below = (
        (1 - right_share) * _elements(images, line, left, fill_value)
        + right_share * _elements(images, line, left + 1, fill_value)
        for line in (top, top + 1)
    )
    return (1 - low_share) * above + low_share * below


def _within(places: Tensor, size: int, fill_mode: str) -> Tensor:
    """Returns places within the image that stand for those beyond."""
    if fill_mode == "constant":
        return places
    if fill_mode == "reflect":
        places = torch.remainder(places, 2 * size)
        places = torch.where(places > size - 1, 2 * size - 1 - places, places)
    elif fill_mode == "wrap":  # as TensorFlow does: between the last element and the first lies nothing
        last = max(1, size - 1)
        before = places + size * (torch.floor(-places / last) + 1)
        behind = places - size * torch.floor(places / last)
        places = torch.where(places < 0, before, torch.where(places > size - 1, behind, places))
    return torch.clamp(places, 0, size - 1)


def _elements(images: Tensor, rows: Tensor, columns: Tensor, fill_value: float) -> Tensor:
    """Returns the elements at whole places, the fill value beyond the image."""
    batch, height, width, channels = images.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    places = rows.clamp(0, height - 1).long() * width + columns.clamp(0, width - 1).long()
    flat = images.reshape(batch, height * width, channels)
    index = places.expand(batch, height, width).reshape(batch, height * width, 1).expand(-1, -1, channels)
    found = torch.gather(flat, 1, index).reshape(images.shape)
    return torch.where(inside.unsqueeze(-1), found, fill_value)
