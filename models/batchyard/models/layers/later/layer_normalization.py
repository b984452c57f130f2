"""Normalization over the features of each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models import constraints, initializers, regularizers
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers

__all__ = ["LayerNormalization"]


@layers.register()
class LayerNormalization(Layer):
    """Computes (x - mean) / sqrt(variance + epsilon) * gamma + beta, with mean and variance of each row.

    Args:
        axis: over which mean and variance are taken; the last by default, or a list.
        epsilon: keeps the divisor from being zero.
        center: whether beta is added.
        scale: whether it is multiplied by gamma.
        beta_initializer: how beta begins.
        gamma_initializer: how gamma begins.
        beta_regularizer: its penalty is added to the loss.
        gamma_regularizer: its penalty is added to the loss.
        beta_constraint: holds after every update.
        gamma_constraint: holds after every update.
        **kwargs: of every layer.

    Input shape:
        any, sizes of the axes known

    Output shape:
        as the input's

    Example:
        >>> LayerNormalization()(torch.tensor([[1.0, 3.0]]))[0, 1] > 0.99
        tensor(True)

    Source: Keras 3, `layers.LayerNormalization`; Ba et al. 2016.
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.gamma: Tensor | None = None
        self.beta: Tensor | None = None

    def _axes(self, rank: int) -> list[int]:
        given = [self.axis] if isinstance(self.axis, int) else list(self.axis)
        return sorted(one % rank for one in given)

    def build(self, input_shape: Shape) -> None:
        """Makes gamma and beta, with the sizes of the normalized axes."""
        shape = [input_shape[axis] for axis in self._axes(len(input_shape))]
        if self.scale:
            self.gamma = self.add_weight(
                "gamma",
                shape,  # type: ignore[arg-type]  # open sizes are refused by add_weight
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self.add_weight(
                "beta",
                shape,  # type: ignore[arg-type]
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        axes = self._axes(inputs.ndim)
        spread = [size if axis in axes else 1 for axis, size in enumerate(inputs.shape)]
        variance, mean = torch.var_mean(inputs, axes, correction=0, keepdim=True)
        found = (inputs - mean) * torch.rsqrt(variance + self.epsilon)
        if self.gamma is not None:
            found = found * self.gamma.reshape(spread)
        return found if self.beta is None else found + self.beta.reshape(spread)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }
