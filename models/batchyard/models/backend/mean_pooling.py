"""Means over windows in space, in half precision too."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["avg_pool3d"]

#: Of which torch computes no such means on the CPU.
_HALVES = (torch.float16, torch.bfloat16)


def avg_pool3d(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Is `torch.nn.functional.avg_pool3d`; on the CPU half precision is computed in single precision.

    Args:
        x: (batch, channels, depth, height, width).
        *args: windows, strides, ….
        **kwargs: likewise, by name.
    """
    pool = functional.avg_pool3d
    if x.device.type != "cuda" and x.dtype in _HALVES:
        return pool(x.float(), *args, **kwargs).to(x.dtype)
    return pool(x, *args, **kwargs)
