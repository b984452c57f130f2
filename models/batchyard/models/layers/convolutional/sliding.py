"""The tensor work of convolutions: Keras's orders of axes and paddings, on torch's kernels.

One axis is computed as two, the first of size 1: so all ranks run in torch's channels_last memory order,
which is Keras's own order of axes and needs no copies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.layers.convolutional.windows import same_padding

__all__ = ["convolve", "convolve_channels_apart", "convolve_transposed", "stored_by_filter"]


def stored_by_filter(initializer: Callable[..., Any], channels_apart: bool = False) -> Callable[..., Tensor]:
    """Returns an initializer of the same kernels, in memory as torch reads them for channels_last images.

    So neither a kernel nor its gradient is copied in each step.

    Args:
        initializer: of kernels (*kernel_size, …, filters).
        channels_apart: whether the last two axes, channels and their multiplier, number the filters.
    """
    ends, starts = ((-2, -1), (0, 1)) if channels_apart else ((-1,), (0,))

    def initialize(shape: Sequence[int], dtype: Any = None) -> Tensor:
        value = torch.as_tensor(initializer(tuple(shape), dtype=dtype))
        return value.movedim(ends, starts).contiguous().movedim(starts, ends)

    return initialize


def convolve(
    inputs: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int],
    channels_last: bool,
    relu: bool = False,
) -> Tensor:
    """Slides filters over images.

    Args:
        inputs: (batch, *space, channels), or (batch, channels, *space).
        kernel: (*kernel_size, channels, filters); where the input has n times as many channels, there are
            n groups of filters, of which each sees its part of the channels.
        bias: (filters,), or None.
        strides: one number per axis of the space.
        padding: "valid", "same", or (one axis) "causal".
        dilation: one number per axis of the space.
        channels_last: the order of the input's and output's axes.
        relu: whether negative outputs become 0: here that needs no further memory.
    """
    rank = len(strides)
    torch_kernel = kernel.permute(rank + 1, rank, *range(rank))
    groups = inputs.shape[-1 if channels_last else 1] // kernel.shape[rank]
    return _slide(inputs, torch_kernel, bias, strides, padding, dilation, channels_last, groups, relu)


def convolve_channels_apart(
    inputs: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int],
    channels_last: bool,
) -> Tensor:
    """Slides filters over each channel by itself.

    The arguments are those of `convolve`, but the kernel is (*kernel_size, channels, multiplier), and the
    output has channels * multiplier channels.
    """
    rank = len(strides)
    channels = kernel.shape[rank]
    torch_kernel = kernel.movedim((rank, rank + 1), (0, 1)).flatten(0, 1).unsqueeze(1)
    return _slide(inputs, torch_kernel, bias, strides, padding, dilation, channels_last, channels)


def convolve_transposed(
    inputs: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int],
    channels_last: bool,
    output_sizes: Sequence[int],
    relu: bool = False,
) -> Tensor:
    """Computes the gradient of `convolve` with respect to its input, for two or three axes.

    The arguments are those of `convolve`, but the kernel is (*kernel_size, filters, channels). `output_sizes`
    are those of the space; with padding "same" they say how much the convolution had padded.
    """
    rank = len(strides)
    x = inputs.movedim(-1, 1) if channels_last else inputs
    torch_kernel = _in_memory_order(kernel.permute(rank + 1, rank, *range(rank)))
    if torch_kernel.shape[0] == 1:  # torch would take the stride of this axis, which can be any, at its word
        torch_kernel = torch_kernel.clone(memory_format=_order(rank))
    befores, extras, rests = [], [], []
    for n, k, s, d, size in zip(
        x.shape[2:], kernel.shape[:rank], strides, dilation, output_sizes, strict=True
    ):
        before = same_padding(size, k, s, d)[0] if padding == "same" else 0
        cut = (n - 1) * s + (k - 1) * d + 1 - 2 * before  # torch cuts the same on both sides …
        extra = max(0, min(size - cut, max(s, d) - 1))  # … and gives back at the end
        befores.append(before)
        extras.append(extra)
        rests.append(size - cut - extra)
    slide = functional.conv_transpose2d if rank == 2 else functional.conv_transpose3d
    fits = not any(rests)
    x = slide(x, torch_kernel, bias if fits else None, tuple(strides), befores, extras, 1, tuple(dilation))
    for axis, rest in enumerate(rests, 2):
        if rest < 0:
            x = x.narrow(axis, 0, x.shape[axis] + rest)
    if any(rest > 0 for rest in rests):  # no input reaches these places
        x = functional.pad(x, [side for rest in reversed(rests) for side in (0, max(0, rest))])
    if not fits and bias is not None:  # inside, oneDNN would fall back to a kernel of half the speed
        x = x + bias.view(-1, *[1] * rank)
    if relu:
        x = torch.relu_(x)
    return x.movedim(1, -1) if channels_last else x


def _slide(
    inputs: Tensor,
    torch_kernel: Tensor,
    bias: Tensor | None,
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int],
    channels_last: bool,
    groups: int,
    relu: bool = False,
) -> Tensor:
    x = inputs.movedim(-1, 1) if channels_last else inputs
    flat = len(strides) == 1
    if flat:
        x, torch_kernel = x.unsqueeze(2), torch_kernel.unsqueeze(2)
        strides, dilation = (1, *strides), (1, *dilation)
    torch_kernel = _in_memory_order(torch_kernel)
    symmetric = [0] * len(strides)
    if padding != "valid":
        windows = torch_kernel.shape[2:]
        if padding == "same":
            sides = [
                same_padding(n, k, s, d)
                for n, k, s, d in zip(x.shape[2:], windows, strides, dilation, strict=True)
            ]
        else:
            sides = [((k - 1) * d, 0) for k, d in zip(windows, dilation, strict=True)]
        if all(before == after for before, after in sides):
            symmetric = [before for before, _ in sides]
        else:
            x = functional.pad(x, [side for pair in reversed(sides) for side in pair])
    slide = functional.conv2d if len(strides) == 2 else functional.conv3d
    x = slide(x, torch_kernel, bias, tuple(strides), symmetric, tuple(dilation), groups)
    if relu:
        x = torch.relu_(x)
    if flat:
        x = x.squeeze(2)
    return x.movedim(1, -1) if channels_last else x


def _in_memory_order(torch_kernel: Tensor) -> Tensor:
    return torch_kernel.contiguous(memory_format=_order(torch_kernel.ndim - 2))


def _order(rank: int) -> torch.memory_format:
    return torch.channels_last if rank == 2 else torch.channels_last_3d
