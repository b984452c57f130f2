"""Keras's module of that name: the arithmetic of convolutions."""

from __future__ import annotations

from typing import Any

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.utils.convert_kernels import convert_kernel

__all__ = [
    "conv_input_length",
    "conv_output_length",
    "convert_kernel",
    "deconv_length",
    "normalize_padding",
    "normalize_tuple",
]


def normalize_tuple(value: Any, n: int, name: str) -> tuple[int, ...]:
    """Returns a number, or a sequence of `n` numbers, as a tuple of `n`.

    Args:
        value: the number or sequence.
        n: the length of the tuple.
        name: of the argument, for the message.
    """
    try:
        numbers = (value,) * n if isinstance(value, int) else tuple(int(number) for number in value)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != n:
        raise InvalidArgumentError(f"{name} must be a number or a tuple of {n}. Received: {value!r}.")
    return numbers


def normalize_padding(value: str) -> str:
    """Returns a padding in lower case.

    Args:
        value: "valid", "same" or "causal".
    """
    lowered = value.lower()
    if lowered not in ("valid", "same", "causal"):
        raise InvalidArgumentError(f"padding must be 'valid', 'same' or 'causal'. Received: {value!r}.")
    return lowered


def conv_output_length(
    input_length: int | None, filter_size: int, padding: str, stride: int, dilation: int = 1
) -> int | None:
    """Returns how often a filter fits into an input; None for an open length.

    Args:
        input_length: of the input.
        filter_size: of the filter.
        padding: "valid", "same", "causal" or "full".
        stride: of the filter.
        dilation: of the filter.
    """
    assert padding in ("same", "valid", "full", "causal"), f"padding is {padding!r}"
    if input_length is None:
        return None
    reach = (filter_size - 1) * dilation
    free = {"valid": input_length - reach, "full": input_length + reach}.get(padding, input_length)
    return -(-free // stride)


def conv_input_length(output_length: int | None, filter_size: int, padding: str, stride: int) -> int | None:
    """Returns the input length that gives an output length; None for an open one.

    Args:
        output_length: of the output.
        filter_size: of the filter.
        padding: "valid", "same" or "full".
        stride: of the filter.
    """
    assert padding in ("same", "valid", "full"), f"padding is {padding!r}"
    if output_length is None:
        return None
    pad = {"same": filter_size // 2, "valid": 0, "full": filter_size - 1}[padding]
    return (output_length - 1) * stride - 2 * pad + filter_size


def deconv_length(
    dim_size: int | None,
    stride_size: int,
    kernel_size: int,
    padding: str,
    output_padding: int | None,
    dilation: int = 1,
) -> int | None:
    """Returns the length that a transposed convolution gives; None for an open one.

    Args:
        dim_size: length of the input.
        stride_size: of the kernel.
        kernel_size: length of the kernel.
        padding: "valid", "same" or "full".
        output_padding: what is added at one side; chosen by the padding if None.
        dilation: of the kernel.
    """
    assert padding in ("same", "valid", "full"), f"padding is {padding!r}"
    if dim_size is None:
        return None
    reach = (kernel_size - 1) * dilation + 1
    if output_padding is None:
        extra = {"valid": max(reach - stride_size, 0), "full": -(stride_size + reach - 2)}.get(padding, 0)
        return dim_size * stride_size + extra
    pad = {"same": reach // 2, "valid": 0, "full": reach - 1}[padding]
    return (dim_size - 1) * stride_size + reach - 2 * pad + output_padding
