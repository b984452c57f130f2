"""What pooling over one, two and three axes shares."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.backend.mean_pooling import avg_pool3d
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.convolutional.windows import as_sizes, check_padding, output_size, same_padding

__all__ = ["AveragePooling", "MaxPooling", "Pooling"]

#: Before and after each axis of the space.
_Sides = list[tuple[int, int]]


class Pooling(Layer, ABC):
    """Makes one number of each window; `rank` is the number of axes over which the windows move.

    One axis is computed as two, the first of size 1, in torch's channels_last memory order.
    """

    rank: ClassVar[int]

    def __init__(
        self, pool_size: Any, strides: Any, padding: str, data_format: str | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = as_sizes(pool_size, self.rank, "pool_size")
        self.strides = self.pool_size if strides is None else as_sizes(strides, self.rank, "strides")
        self.padding = check_padding(padding)
        self.data_format = normalize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @abstractmethod
    def _pool(self, x: Tensor, size: tuple[int, ...], strides: tuple[int, ...], sides: _Sides) -> Tensor:
        """Pools (batch, channels, *space), two or three axes, padded as `sides` says."""

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        last = self.data_format == "channels_last"
        x = inputs.movedim(-1, 1) if last else inputs
        size, strides = self.pool_size, self.strides
        if self.rank == 1:
            x, size, strides = x.unsqueeze(2), (1, *size), (1, *strides)
        sides = [(0, 0)] * len(size)
        if self.padding == "same":
            sides = [same_padding(n, k, s) for n, k, s in zip(x.shape[2:], size, strides, strict=True)]
        x = self._pool(x, size, strides, sides)
        if self.rank == 1:
            x = x.squeeze(2)
        return x.movedim(1, -1) if last else x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        first = self.data_format == "channels_first"
        space = [
            output_size(n, k, self.padding, s)
            for n, k, s in zip(
                input_shape[2:] if first else input_shape[1:-1], self.pool_size, self.strides, strict=True
            )
        ]
        if first:
            return (input_shape[0], input_shape[1], *space)
        return (input_shape[0], *space, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "padding": self.padding,
            "strides": self.strides,
            "data_format": self.data_format,
        }


class MaxPooling(Pooling):
    """Takes the greatest number of each window."""

    def _pool(self, x: Tensor, size: tuple[int, ...], strides: tuple[int, ...], sides: _Sides) -> Tensor:
        befores = [before for before, _ in sides]
        ceil = _ends_beyond(sides, strides)
        if not ceil and any(before != after for before, after in sides):
            x = functional.pad(x, _flat(sides), value=float("-inf"))
            befores = [0] * len(size)
        pool = functional.max_pool2d if len(size) == 2 else functional.max_pool3d
        pooled: Tensor = pool(x, size, strides, befores, ceil_mode=ceil)
        return pooled


class AveragePooling(Pooling):
    """Takes the mean of each window, over what it covers of the input itself."""

    def _pool(self, x: Tensor, size: tuple[int, ...], strides: tuple[int, ...], sides: _Sides) -> Tensor:
        pool = functional.avg_pool2d if len(size) == 2 else avg_pool3d
        ceil = _ends_beyond(sides, strides)
        if ceil or all(before == after for before, after in sides):
            return pool(x, size, strides, [before for before, _ in sides], ceil, count_include_pad=False)
        factors = torch.full((1,), float(math.prod(size)), dtype=x.dtype, device=x.device)
        for n, k, s, (before, after) in zip(x.shape[2:], size, strides, sides, strict=True):
            starts = range(-before, n + after - k + 1, s)
            covered = [min(start + k, n) - max(start, 0) for start in starts]
            share = torch.tensor(covered, dtype=x.dtype, device=x.device).reciprocal()
            factors = factors.unsqueeze(-1) * share
        return pool(functional.pad(x, _flat(sides)), size, strides) * factors


def _ends_beyond(sides: _Sides, strides: tuple[int, ...]) -> bool:
    """Whether torch's `ceil_mode` does what the sides say, without a copy: one more at the end, if at all.

    It lets a last window stick out as long as its stride is above 1.
    """
    return any(before != after for before, after in sides) and all(
        after == before or (after == before + 1 and stride > 1)
        for (before, after), stride in zip(sides, strides, strict=True)
    )


def _flat(sides: _Sides) -> list[int]:
    """Returns the paddings in the order that torch wants: last axis first."""
    return [side for pair in reversed(sides) for side in pair]
