"""Images of other sizes: each element of the result is a weighted mean of elements of the image.

Along each axis the weights are a matrix. They are those of TensorFlow 2: places count from the elements'
middles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchyard.models.errors import InvalidArgumentError

__all__ = ["INTERPOLATIONS", "as_image_sizes", "cropped_to_ratio", "padded_to_ratio", "resample"]

#: The longest side that is made: a file may ask for any.
_LONGEST = 2**15
#: Into how many steps TensorFlow rounds the way between two elements, for "bicubic".
_STEPS = 1024

Array = NDArray[Any]


def as_image_sizes(height: Any, width: Any, layer: str) -> tuple[int, int]:
    """Returns the sizes of an image to be made.

    Raises:
        InvalidArgumentError: where they are no positive numbers, or larger than 32768.
    """
    if not all(isinstance(size, int) and 0 < size <= _LONGEST for size in (height, width)):
        raise InvalidArgumentError(
            f"Layer {layer} needs a height and width from 1 to {_LONGEST}. Received: {height!r}, {width!r}."
        )
    return height, width


def resample(
    images: Tensor, sizes: Sequence[int], interpolation: str, first_axis: int, antialias: bool = False
) -> Tensor:
    """Returns images of other sizes.

    Args:
        images: two axes of the space behind each other.
        sizes: of these in the result.
        interpolation: one of `INTERPOLATIONS`.
        first_axis: the first of the two.
        antialias: whether smaller images are means over larger parts.
    """
    for axis, size in enumerate(sizes, first_axis):
        length = images.shape[axis]
        if interpolation == "nearest":
            places = torch.from_numpy(_nearest(length, size)).to(images.device)
            images = torch.index_select(images, axis, places)
        elif size != length:
            weights = torch.from_numpy(_matrix(length, size, interpolation, antialias))
            weights = weights.to(images.device, images.dtype)
            images = torch.tensordot(images, weights, dims=([axis], [1])).movedim(-1, axis)
    return images


def cropped_to_ratio(images: Tensor, sizes: Sequence[int], first_axis: int) -> Tensor:
    """Returns the largest middle part whose sides have the ratio of the given sizes."""
    lengths = images.shape[first_axis : first_axis + 2]
    for place in (0, 1):
        axis, length = first_axis + place, lengths[place]
        fitting = min(length, max(1, int(np.float32(lengths[1 - place] * sizes[place]) / sizes[1 - place])))
        images = images.narrow(axis, (length - fitting) // 2, fitting)
    return images


def padded_to_ratio(images: Tensor, sizes: Sequence[int], first_axis: int, value: float) -> Tensor:
    """Returns the images between two bars, so that the sides have the ratio of the given sizes."""
    lengths = images.shape[first_axis : first_axis + 2]
    for place in (0, 1):
        fitting = int(np.float32(lengths[1 - place] * sizes[place]) / sizes[1 - place])
        bar = (max(lengths[place], fitting) - lengths[place]) // 2
        if bar > 0:
            shape = list(images.shape)
            shape[first_axis + place] = bar
            bars = images.new_full(shape, value)
            images = torch.cat([bars, images, bars], first_axis + place)
    return images


def _middles(length: int, size: int) -> Array:
    """Returns where the middles of the result's elements lie in the image."""
    scale = np.float32(length) / np.float32(size)
    found: Array = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * scale
    return found


@lru_cache(maxsize=64)
def _nearest(length: int, size: int) -> NDArray[np.int64]:
    return np.minimum(np.floor(_middles(length, size)).astype(np.int64), length - 1)


@lru_cache(maxsize=64)
def _matrix(length: int, size: int, interpolation: str, antialias: bool) -> Array:
    """Returns the weights, (size, length)."""
    if interpolation == "area":
        return _areas(length, size)
    if interpolation == "bicubic" and not antialias:
        return _in_steps(length, size)
    radius, kernel = _KERNELS[interpolation]
    middles = _middles(length, size).astype(np.float64)
    if interpolation == "bilinear" and not antialias:  # beyond the outer middles the image goes on
        middles = np.clip(middles, 0.5, length - 0.5)
    width = max(length / size, 1.0) if antialias else 1.0
    away = np.abs(np.arange(length) + 0.5 - middles[:, None]) / width
    weights = np.where(away <= radius, kernel(away), 0.0)
    return _normalized(weights)


def _in_steps(length: int, size: int) -> Array:
    """Returns the weights of the cubic kernel at places that are rounded to steps."""
    middles = _middles(length, size) - np.float32(0.5)
    before = np.floor(middles)
    away = np.rint((middles - before) * _STEPS) / _STEPS
    weights = np.zeros((size, length))
    for step in range(-1, 3):
        place = before.astype(int) + step
        inside = (place >= 0) & (place < length)
        weights[np.flatnonzero(inside), place[inside]] = _cubic(np.abs(away - step))[inside]
    return _normalized(weights)


def _normalized(weights: Array) -> Array:
    """Returns weights of which each row sums up to 1."""
    found: Array = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return found


def _areas(length: int, size: int) -> Array:
    """Returns how much of each part of the image an element lies in."""
    ends = np.arange(size + 1) * (length / size)
    low, high = ends[:-1, None], ends[1:, None]
    places = np.arange(length)
    shared = np.clip(np.minimum(high, places + 1) - np.maximum(low, places), 0, None)
    found: Array = (shared / (length / size)).astype(np.float32)
    return found


def _cubic(x: Array) -> Array:
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _mitchell(x: Array) -> Array:
    near = (7 / 6 * x - 2) * x * x + 8 / 9
    far = ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(radius: int) -> Callable[[Array], Array]:
    return lambda x: np.sinc(x) * np.sinc(x / radius)


def _gaussian(x: Array) -> Array:
    found: Array = np.exp(-2.0 * x * x)
    return found


def _triangle(x: Array) -> Array:
    return np.maximum(0.0, 1.0 - x)


#: How far a kernel reaches, and its weight by distance.
_KERNELS: dict[str, tuple[float, Callable[[Array], Array]]] = {
    "bilinear": (1.0, _triangle),
    "bicubic": (2.0, _cubic),
    "gaussian": (1.5, _gaussian),
    "lanczos3": (3.0, _lanczos(3)),
    "lanczos5": (5.0, _lanczos(5)),
    "mitchellcubic": (2.0, _mitchell),
}
INTERPOLATIONS = ("nearest", "area", *_KERNELS)
