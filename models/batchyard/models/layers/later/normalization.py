"""Normalization by mean and variance that were measured before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.configuration import epsilon
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers

__all__ = ["Normalization"]


@layers.register()
class Normalization(Layer):
    """Computes (x - mean) / sqrt(variance), with mean and variance that are given or read from a file.

    Args:
        axis: the axes that have a mean and variance each; the last by default, None for one of all.
        mean: a number or list; a weight that is not trained if not given.
        variance: likewise.
        invert: whether x * sqrt(variance) + mean is computed instead.
        **kwargs: of every layer.

    Input shape:
        any, sizes of the axes known

    Output shape:
        as the input's

    Example:
        >>> Normalization(mean=1.0, variance=4.0)(torch.ones(1, 2))
        tensor([[0., 0.]])

    Source: Keras 3, `layers.Normalization`.
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.given_mean = mean
        self.given_variance = variance
        self.invert = invert
        self.supports_masking = True

    def _axes(self, rank: int) -> list[int]:
        if self.axis is None:
            return []
        given = [self.axis] if isinstance(self.axis, int) else list(self.axis)
        return sorted(one % rank for one in given)

    def build(self, input_shape: Shape) -> None:
        """Makes mean, variance and the count of rows that they were measured on, unless they are given."""
        shape: Any = [input_shape[axis] for axis in self._axes(len(input_shape))]
        if self.given_mean is None:
            self.mean = self.add_weight("mean", shape, initializer="zeros", trainable=False)
            self.variance = self.add_weight("variance", shape, initializer="ones", trainable=False)
            self.count = self.add_weight("count", (), initializer="zeros", trainable=False)
        super().build(input_shape)

    def _spread(self, value: Any, inputs: Tensor) -> Tensor:
        tensor = torch.as_tensor(value, dtype=inputs.dtype, device=inputs.device)
        axes = self._axes(inputs.ndim)
        shape = [size if axis in axes else 1 for axis, size in enumerate(inputs.shape)]
        return tensor.reshape(shape) if tensor.numel() > 1 else tensor.reshape(())

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        given = self.given_mean is not None
        mean = self._spread(self.given_mean if given else self.mean, inputs)
        variance = self._spread(self.given_variance if given else self.variance, inputs)
        deviation = torch.clamp(torch.sqrt(variance), min=epsilon())
        return mean + inputs * deviation if self.invert else (inputs - mean) / deviation

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "mean": self.given_mean,
            "variance": self.given_variance,
            "invert": self.invert,
        }
