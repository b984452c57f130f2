"""Rearranging tensors.

Source: Keras 2.2.4, `backend`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.backend.configuration import normalize_data_format, torch_dtype
from batchyard.models.backend.symbolic_call import as_axes, as_sizes, as_tensor, operation
from batchyard.models.errors import InvalidArgumentError

__all__ = [
    "batch_flatten",
    "concatenate",
    "expand_dims",
    "flatten",
    "one_hot",
    "permute_dimensions",
    "repeat",
    "repeat_elements",
    "reshape",
    "resize_images",
    "resize_volumes",
    "reverse",
    "slice",
    "spatial_2d_padding",
    "spatial_3d_padding",
    "squeeze",
    "stack",
    "temporal_padding",
    "tile",
]


@operation
def concatenate(tensors: Sequence[Any], axis: int = -1) -> Tensor:
    """Returns tensors one after the other along an axis."""
    return torch.cat([as_tensor(tensor) for tensor in tensors], axis)


@operation
def stack(x: Sequence[Any], axis: int = 0) -> Tensor:
    """Returns tensors side by side along a new axis."""
    return torch.stack([as_tensor(tensor) for tensor in x], axis)


@operation
def reshape(x: Any, shape: Any) -> Tensor:
    """Returns the numbers in another shape; -1 for the size that follows from the others."""
    return torch.reshape(as_tensor(x), as_sizes(shape))


@operation
def permute_dimensions(x: Any, pattern: Sequence[int]) -> Tensor:
    """Returns the axes in another order."""
    return as_tensor(x).permute(*pattern)


@operation
def expand_dims(x: Any, axis: int = -1) -> Tensor:
    """Returns the tensor with a new axis of size 1."""
    return torch.unsqueeze(as_tensor(x), axis)


@operation
def squeeze(x: Any, axis: int) -> Tensor:
    """Returns the tensor without an axis of size 1."""
    return torch.squeeze(as_tensor(x), axis)


@operation
def flatten(x: Any) -> Tensor:
    """Returns all numbers along one axis."""
    return torch.reshape(as_tensor(x), (-1,))


@operation
def batch_flatten(x: Any) -> Tensor:
    """Returns the numbers of each row along one axis."""
    tensor = as_tensor(x)
    return torch.reshape(tensor, (tensor.shape[0], -1))


@operation
def repeat(x: Any, n: int) -> Tensor:
    """Returns (batch, n, features) of (batch, features)."""
    tensor = as_tensor(x)
    return tensor.unsqueeze(1).repeat(1, int(n), *[1] * (tensor.ndim - 1))


@operation
def repeat_elements(x: Any, rep: int, axis: int) -> Tensor:
    """Returns each slice along an axis repeated rep times: aabbcc."""
    return torch.repeat_interleave(as_tensor(x), int(rep), axis)


@operation
def tile(x: Any, n: Any) -> Tensor:
    """Returns the tensor repeated along each axis: abcabc; one number is for the last axis."""
    return torch.tile(as_tensor(x), as_sizes(n))


@operation
def reverse(x: Any, axes: Any) -> Tensor:
    """Returns the tensor back to front along axes."""
    tensor = as_tensor(x)
    return torch.flip(tensor, as_axes(axes, tensor.ndim))


@operation
def slice(x: Any, start: Any, size: Any) -> Tensor:
    """Returns a block of a tensor.

    Args:
        x: the tensor.
        start: where it begins along each axis.
        size: how much of each axis; -1 for all from there on.
    """
    tensor = as_tensor(x)
    for axis, (first, count) in enumerate(zip(as_sizes(start), as_sizes(size), strict=True)):
        tensor = tensor.narrow(axis, first, tensor.shape[axis] - first if count == -1 else count)
    return tensor


@operation
def one_hot(indices: Any, num_classes: int) -> Tensor:
    """Returns a new last axis with 1 at the class number, 0 elsewhere; no 1 for numbers that are no class."""
    numbers = as_tensor(indices, "int64")
    classes = torch.arange(int(num_classes), device=numbers.device)
    return (numbers.unsqueeze(-1) == classes).to(torch_dtype(None))


def _pad(x: Tensor, padding: Sequence[Sequence[int]], data_format: str | None) -> Tensor:
    """Puts zeros around the axes in the middle."""
    flat = [int(n) for pair in reversed(list(padding)) for n in pair]
    first = normalize_data_format(data_format) == "channels_first"
    return functional.pad(x, flat if first else [0, 0, *flat])


@operation
def temporal_padding(x: Any, padding: Sequence[int] = (1, 1)) -> Tensor:
    """Returns (batch, time, features) with zeros before and after the time steps."""
    return _pad(as_tensor(x), [padding], "channels_last")


@operation
def spatial_2d_padding(
    x: Any, padding: Sequence[Sequence[int]] = ((1, 1), (1, 1)), data_format: str | None = None
) -> Tensor:
    """Returns images with zeros around them."""
    return _pad(as_tensor(x), padding, data_format)


@operation
def spatial_3d_padding(
    x: Any, padding: Sequence[Sequence[int]] = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None
) -> Tensor:
    """Returns volumes with zeros around them."""
    return _pad(as_tensor(x), padding, data_format)


@operation
def resize_images(
    x: Any, height_factor: int, width_factor: int, data_format: str | None, interpolation: str = "nearest"
) -> Tensor:
    """Returns images enlarged by whole factors.

    Args:
        x: images.
        height_factor: how many times as high.
        width_factor: how many times as wide.
        data_format: "channels_last" or "channels_first".
        interpolation: "nearest" or "bilinear"; the latter as TensorFlow 1 does, from the upper left corner.
    """
    tensor = as_tensor(x)
    height, width = (2, 3) if normalize_data_format(data_format) == "channels_first" else (1, 2)
    if interpolation == "nearest":
        tensor = torch.repeat_interleave(tensor, int(height_factor), height)
        return torch.repeat_interleave(tensor, int(width_factor), width)
    if interpolation != "bilinear":
        raise InvalidArgumentError(
            f"interpolation must be 'nearest' or 'bilinear'. Received: {interpolation!r}."
        )
    return _stretch(_stretch(tensor, int(height_factor), height), int(width_factor), width)


def _stretch(x: Tensor, factor: int, axis: int) -> Tensor:
    """Interpolates along an axis; new point i lies at i / factor of the old ones, the last is repeated."""
    size = x.shape[axis]
    places = torch.arange(size * factor, device=x.device)
    before = places // factor
    after = torch.clamp(before + 1, max=size - 1)
    part = (places % factor).to(x.dtype) / factor
    part = part.reshape([-1 if one == axis else 1 for one in range(x.ndim)])
    first, second = x.index_select(axis, before), x.index_select(axis, after)
    return first + (second - first) * part


@operation
def resize_volumes(
    x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str | None
) -> Tensor:
    """Returns volumes enlarged by whole factors, each number repeated."""
    tensor = as_tensor(x)
    start = 2 if normalize_data_format(data_format) == "channels_first" else 1
    for axis, factor in enumerate((depth_factor, height_factor, width_factor), start):
        tensor = torch.repeat_interleave(tensor, int(factor), axis)
    return tensor
