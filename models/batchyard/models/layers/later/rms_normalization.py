"""Normalization by the root of the mean square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.layers.registry import layers

__all__ = ["RMSNormalization"]


@layers.register()
class RMSNormalization(Layer):
    """Computes x / sqrt(mean(x²) + epsilon) * scale, with the mean over one axis or several together.

    Args:
        axis: over which the mean is taken; the last by default, or a list.
        epsilon: keeps the divisor from being zero.
        **kwargs: of every layer.

    Input shape:
        any, sizes of the axes known

    Output shape:
        that of the input

    Example:
        >>> RMSNormalization()(torch.tensor([[3.0, 3.0]]))
        tensor([[1., 1.]], grad_fn=<MulBackward0>)

    Source: Keras 3, `layers.RMSNormalization`; Zhang and Sennrich 2019.
    """

    scale: Weight

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.epsilon = epsilon

    def _axes(self, rank: int) -> list[int]:
        given = [self.axis] if isinstance(self.axis, int) else list(self.axis)
        return sorted(one % rank for one in given)

    def build(self, input_shape: Shape) -> None:
        """Makes the scale."""
        shape: Any = [input_shape[axis] for axis in self._axes(len(input_shape))]
        self.scale = self.add_weight("scale", shape, initializer="ones")
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        axes = self._axes(inputs.ndim)
        spread = [size if axis in axes else 1 for axis, size in enumerate(inputs.shape)]
        squares = torch.square(inputs).mean(axes, keepdim=True)
        return inputs * torch.rsqrt(squares + self.epsilon) * self.scale.reshape(spread)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}
