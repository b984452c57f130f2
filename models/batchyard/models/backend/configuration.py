"""Library-wide settings: float type, epsilon, image data format."""

from __future__ import annotations

import numpy as np
import torch

from batchyard.models.errors import InvalidArgumentError

__all__ = [
    "backend",
    "epsilon",
    "floatx",
    "image_data_format",
    "normalize_data_format",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "torch_dtype",
]

_FLOATS = ("float16", "float32", "float64")
_FORMATS = ("channels_last", "channels_first")

#: Keras's name for what `backend()` returns.
_BACKEND = "torch"

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"


def backend() -> str:
    """Returns the name of what computes: always "torch"."""
    return _BACKEND


def floatx() -> str:
    """Returns the default float type."""
    return _floatx


def set_floatx(floatx: str) -> None:
    """Sets the default float type: "float16", "float32" or "float64"."""
    global _floatx
    if floatx not in _FLOATS:
        raise InvalidArgumentError(f"floatx must be one of {', '.join(_FLOATS)}. Received: {floatx!r}.")
    _floatx = floatx


def epsilon() -> float:
    """Returns the small number that keeps divisions and logarithms finite."""
    return _epsilon


def set_epsilon(e: float) -> None:
    """Sets the small number that keeps divisions and logarithms finite."""
    global _epsilon
    _epsilon = float(e)


def image_data_format() -> str:
    """Returns where images have their channels: "channels_last" or "channels_first"."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Sets where images have their channels."""
    global _image_data_format
    _image_data_format = normalize_data_format(data_format)


def normalize_data_format(value: str | None) -> str:
    """Returns a data format in lower case, the default one for None."""
    if value is None:
        return _image_data_format
    lowered = value.lower() if isinstance(value, str) else value
    if lowered not in _FORMATS:
        raise InvalidArgumentError(f"data_format must be one of {', '.join(_FORMATS)}. Received: {value!r}.")
    return lowered


def torch_dtype(dtype: str | torch.dtype | None = None) -> torch.dtype:
    """Returns torch's dtype for a name such as "float32"; floatx for None."""
    if isinstance(dtype, torch.dtype):
        return dtype
    found = getattr(torch, np.dtype(dtype or _floatx).name, None)
    if not isinstance(found, torch.dtype):
        raise InvalidArgumentError(
            f"torch has no dtype for {dtype!r}. Use a name such as 'float32' or 'int64'."
        )
    return found
