"""Keras 1's names for convolutions whose filters have holes."""

from __future__ import annotations

import warnings
from typing import Any

from batchyard.models.layers.convolutional.conv1d import Conv1D
from batchyard.models.layers.convolutional.conv2d import Conv2D

__all__ = ["AtrousConvolution1D", "AtrousConvolution2D"]


def AtrousConvolution1D(*args: Any, **kwargs: Any) -> Conv1D:
    """Makes a `Conv1D`; its `dilation_rate` may be called `atrous_rate`."""
    _warn("1D")
    return Conv1D(*args, **_renamed(kwargs))


def AtrousConvolution2D(*args: Any, **kwargs: Any) -> Conv2D:
    """Makes a `Conv2D`; its `dilation_rate` may be called `atrous_rate`."""
    _warn("2D")
    return Conv2D(*args, **_renamed(kwargs))


def _warn(kind: str) -> None:
    warnings.warn(
        f"AtrousConvolution{kind} is an old name. Use Conv{kind} with the argument dilation_rate.",
        stacklevel=3,
    )


def _renamed(arguments: dict[str, Any]) -> dict[str, Any]:
    rate = arguments.pop("atrous_rate", arguments.pop("dilation_rate", 1))
    return {**arguments, "dilation_rate": rate}
