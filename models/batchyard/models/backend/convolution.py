"""Convolution and pooling, kernels and paddings as TensorFlow has them.

Source: Keras 2.2.4, `backend`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.backend.mean_pooling import avg_pool3d
from batchyard.models.backend.symbolic_call import as_sizes, as_tensor, operation
from batchyard.models.errors import InvalidArgumentError

__all__ = [
    "conv1d",
    "conv2d",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "depthwise_conv2d",
    "local_conv1d",
    "local_conv2d",
    "pool2d",
    "pool3d",
    "separable_conv1d",
    "separable_conv2d",
]

_CONV: dict[int, Callable[..., Tensor]] = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED: dict[int, Callable[..., Tensor]] = {
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
_MAX: dict[int, Callable[..., Tensor]] = {2: functional.max_pool2d, 3: functional.max_pool3d}
_AVERAGE: dict[int, Callable[..., Tensor]] = {2: functional.avg_pool2d, 3: avg_pool3d}


def _each(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(int(n) for n in value)


def _in_front(x: Tensor, data_format: str | None) -> tuple[Tensor, bool]:
    """Returns the tensor with its channels in front, and whether they were at the end."""
    last = normalize_data_format(data_format) == "channels_last"
    return (x.movedim(-1, 1) if last else x), last


def _back(x: Tensor, last: bool) -> Tensor:
    return x.movedim(1, -1) if last else x


def _margins(
    sizes: Sequence[int], windows: Sequence[int], strides: Sequence[int], padding: str
) -> list[tuple[int, int]]:
    """Returns what each axis gets before and after; the odd one after."""
    if padding == "valid":
        return [(0, 0)] * len(sizes)
    if padding == "causal":
        return [(window - 1, 0) for window in windows]
    if padding != "same":
        raise InvalidArgumentError(f"padding must be 'valid' or 'same'. Received: {padding!r}.")
    totals = [
        max((-(-size // stride) - 1) * stride + window - size, 0)
        for size, window, stride in zip(sizes, windows, strides, strict=True)
    ]
    return [(total // 2, total - total // 2) for total in totals]


def _padded(x: Tensor, margins: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    flat = [n for pair in reversed(margins) for n in pair]
    return functional.pad(x, flat, value=value) if any(flat) else x


def _convolve(
    x: Any,
    kernel: Any,
    strides: int | Sequence[int],
    padding: str,
    data_format: str | None,
    dilation_rate: int | Sequence[int],
    groups: int = 1,
) -> Tensor:
    weights = as_tensor(kernel)
    axes = weights.ndim - 2
    tensor, last = _in_front(as_tensor(x), data_format)
    steps, gaps = _each(strides, axes), _each(dilation_rate, axes)
    windows = [(n - 1) * gap + 1 for n, gap in zip(weights.shape[:axes], gaps, strict=True)]
    tensor = _padded(tensor, _margins(tensor.shape[2:], windows, steps, padding))
    weights = weights.permute(axes + 1, axes, *range(axes))
    return _back(_CONV[axes](tensor, weights, None, steps, 0, gaps, groups), last)


@operation
def conv1d(
    x: Any,
    kernel: Any,
    strides: int = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int = 1,
) -> Tensor:
    """Returns the convolution of series with a kernel (width, channels, filters).

    Args:
        x: series.
        kernel: the filters.
        strides: between windows.
        padding: "valid", "same" or "causal".
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance of the points within a window.
    """
    return _convolve(x, kernel, strides, padding, data_format, dilation_rate)


@operation
def conv2d(
    x: Any,
    kernel: Any,
    strides: Sequence[int] = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sequence[int] = (1, 1),
) -> Tensor:
    """Returns the convolution of images with a kernel (height, width, channels, filters).

    Args:
        x: images.
        kernel: the filters.
        strides: between windows.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance of the points within a window.
    """
    return _convolve(x, kernel, strides, padding, data_format, dilation_rate)


@operation
def conv3d(
    x: Any,
    kernel: Any,
    strides: Sequence[int] = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sequence[int] = (1, 1, 1),
) -> Tensor:
    """Returns the convolution of volumes with a kernel (depth, height, width, channels, filters).

    Args:
        x: volumes.
        kernel: the filters.
        strides: between windows.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance of the points within a window.
    """
    return _convolve(x, kernel, strides, padding, data_format, dilation_rate)


def _transposed(
    x: Any,
    kernel: Any,
    output_shape: Any,
    strides: Sequence[int],
    padding: str,
    data_format: str | None,
    dilation_rate: Sequence[int],
) -> Tensor:
    """Is the gradient of a convolution: cut to the output's shape as the convolution would pad it."""
    weights = as_tensor(kernel)
    axes = weights.ndim - 2
    tensor, last = _in_front(as_tensor(x), data_format)
    sizes = as_sizes(output_shape)
    sizes = sizes[1:-1] if last else sizes[2:]
    steps, gaps = _each(strides, axes), _each(dilation_rate, axes)
    windows = [(n - 1) * gap + 1 for n, gap in zip(weights.shape[:axes], gaps, strict=True)]
    weights = weights.permute(axes + 1, axes, *range(axes))
    if weights.shape[0] == 1:  # torch would take the stride of this axis, which can be any, at its word
        weights = weights.clone(memory_format=torch.contiguous_format)
    full = _TRANSPOSED[axes](tensor, weights, None, steps, 0, 0, 1, gaps)
    for axis, (before, _) in enumerate(_margins(sizes, windows, steps, padding), 2):
        size = sizes[axis - 2]
        lacking = before + size - full.shape[axis]
        if lacking > 0:
            full = functional.pad(full, [0, 0] * (full.ndim - axis - 1) + [0, lacking])
        full = full.narrow(axis, before, size)
    return _back(full, last)


@operation
def conv2d_transpose(
    x: Any,
    kernel: Any,
    output_shape: Any,
    strides: Sequence[int] = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sequence[int] = (1, 1),
) -> Tensor:
    """Returns the transposed convolution of images with a kernel (height, width, filters, channels).

    Args:
        x: images.
        kernel: the filters.
        output_shape: of the result.
        strides: between windows.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance of the points within a window.
    """
    return _transposed(x, kernel, output_shape, strides, padding, data_format, dilation_rate)


@operation
def conv3d_transpose(
    x: Any,
    kernel: Any,
    output_shape: Any,
    strides: Sequence[int] = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Returns the transposed convolution of volumes with a kernel (depth, height, width, filters, channels).

    Args:
        x: volumes.
        kernel: the filters.
        output_shape: of the result.
        strides: between windows.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
    """
    return _transposed(x, kernel, output_shape, strides, padding, data_format, (1, 1, 1))


def _by_channel(kernel: Any) -> tuple[Tensor, int]:
    """Returns a kernel (…, channels, multiplier) as (…, 1, channels * multiplier), and the channels."""
    weights = as_tensor(kernel)
    channels = weights.shape[-2]
    return weights.reshape(*weights.shape[:-2], 1, channels * weights.shape[-1]), channels


@operation
def depthwise_conv2d(
    x: Any,
    depthwise_kernel: Any,
    strides: Sequence[int] = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sequence[int] = (1, 1),
) -> Tensor:
    """Returns the convolution of each channel with a kernel (height, width, channels, multiplier) of its own.

    Args:
        x: images.
        depthwise_kernel: the filters.
        strides: between windows.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance of the points within a window.
    """
    weights, channels = _by_channel(depthwise_kernel)
    return _convolve(x, weights, strides, padding, data_format, dilation_rate, channels)


@operation
def separable_conv1d(
    x: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """Returns a convolution of each series' channels by themselves, mixed by a kernel of width 1.

    Args:
        x: series.
        depthwise_kernel: (width, channels, multiplier).
        pointwise_kernel: (1, channels * multiplier, filters).
        strides: between windows.
        padding: "valid", "same" or "causal".
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance of the points within a window.
    """
    weights, channels = _by_channel(depthwise_kernel)
    apart = _convolve(x, weights, strides, padding, data_format, dilation_rate, channels)
    return _convolve(apart, pointwise_kernel, 1, "valid", data_format, 1)


@operation
def separable_conv2d(
    x: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Sequence[int] = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sequence[int] = (1, 1),
) -> Tensor:
    """Returns a convolution of each image's channels by themselves, mixed by a kernel of size 1.

    Args:
        x: images.
        depthwise_kernel: (height, width, channels, multiplier).
        pointwise_kernel: (1, 1, channels * multiplier, filters).
        strides: between windows.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance of the points within a window.
    """
    weights, channels = _by_channel(depthwise_kernel)
    apart = _convolve(x, weights, strides, padding, data_format, dilation_rate, channels)
    return _convolve(apart, pointwise_kernel, (1, 1), "valid", data_format, (1, 1))


def _pool(
    x: Any,
    pool_size: Sequence[int],
    strides: Sequence[int],
    padding: str,
    data_format: str | None,
    pool_mode: str,
) -> Tensor:
    axes = len(pool_size)
    tensor, last = _in_front(as_tensor(x), data_format)
    windows, steps = _each(pool_size, axes), _each(strides, axes)
    margins = _margins(tensor.shape[2:], windows, steps, padding)
    if pool_mode == "max":
        lowest = torch.finfo(tensor.dtype).min
        return _back(_MAX[axes](_padded(tensor, margins, lowest), windows, steps), last)
    if pool_mode != "avg":
        raise InvalidArgumentError(f"pool_mode must be 'max' or 'avg'. Received: {pool_mode!r}.")
    sums = _AVERAGE[axes](_padded(tensor, margins), windows, steps)
    if any(any(pair) for pair in margins):
        # Padding does not count: divide by the part of each window that lies within.
        sums = sums / _AVERAGE[axes](_padded(torch.ones_like(tensor[:1, :1]), margins), windows, steps)
    return _back(sums, last)


@operation
def pool2d(
    x: Any,
    pool_size: Sequence[int],
    strides: Sequence[int] = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Tensor:
    """Returns the greatest or the mean of each window of images.

    Args:
        x: images.
        pool_size: of the windows.
        strides: between windows.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        pool_mode: "max" or "avg".
    """
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


@operation
def pool3d(
    x: Any,
    pool_size: Sequence[int],
    strides: Sequence[int] = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Tensor:
    """Returns the greatest or the mean of each window of volumes.

    Args:
        x: volumes.
        pool_size: of the windows.
        strides: between windows.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        pool_mode: "max" or "avg".
    """
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


@operation
def local_conv1d(
    inputs: Any,
    kernel: Any,
    kernel_size: Sequence[int],
    strides: Sequence[int],
    data_format: str | None = None,
) -> Tensor:
    """Returns a convolution of series with filters of their own at each place.

    Args:
        inputs: (batch, time, channels), or channels first.
        kernel: (places, width * channels, filters).
        kernel_size: the width.
        strides: between windows.
        data_format: "channels_last" or "channels_first".
    """
    tensor, last = _in_front(as_tensor(inputs), data_format)
    windows = tensor.unfold(
        2, _each(kernel_size, 1)[0], _each(strides, 1)[0]
    )  # batch, channels, place, width
    rows = windows.permute(0, 2, 3, 1).flatten(2)
    return _back(torch.einsum("bpi,pif->bfp", rows, as_tensor(kernel)), last)


@operation
def local_conv2d(
    inputs: Any,
    kernel: Any,
    kernel_size: Sequence[int],
    strides: Sequence[int],
    output_shape: Sequence[int],
    data_format: str | None = None,
) -> Tensor:
    """Returns a convolution of images with filters of their own at each place.

    Args:
        inputs: images.
        kernel: (places, height * width * channels, filters); channels come first with channels_first.
        kernel_size: height and width.
        strides: between windows.
        output_shape: rows and columns of the result.
        data_format: "channels_last" or "channels_first".
    """
    tensor, last = _in_front(as_tensor(inputs), data_format)
    (height, width), (down, right) = _each(kernel_size, 2), _each(strides, 2)
    windows = tensor.unfold(2, height, down).unfold(3, width, right)  # batch, channels, row, column, h, w
    order = (0, 2, 3, 4, 5, 1) if last else (0, 2, 3, 1, 4, 5)
    rows = windows.permute(*order).flatten(3).flatten(1, 2)
    result = torch.einsum("bpi,pif->bfp", rows, as_tensor(kernel))
    return _back(result.reshape(*result.shape[:2], *as_sizes(output_shape)), last)
