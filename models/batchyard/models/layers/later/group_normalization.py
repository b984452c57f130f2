"""Normalization over groups of channels."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from batchyard.models import constraints, initializers, regularizers
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.layers.registry import layers

__all__ = ["GroupNormalization"]


@layers.register()
class GroupNormalization(Layer):
    """Normalizes each row's groups of channels to mean 0 and variance 1, then scales and shifts each channel.

    Args:
        groups: how many; they divide the channels, and -1 makes one of each channel.
        axis: of the channels.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma multiplies.
        beta_initializer: how beta begins.
        gamma_initializer: how gamma begins.
        beta_regularizer: its penalty is added to the loss.
        gamma_regularizer: its penalty is added to the loss.
        beta_constraint: holds after every update.
        gamma_constraint: holds after every update.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 3, `layers.GroupNormalization`; Wu and He 2018.
    """

    gamma: Weight | None
    beta: Weight | None

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
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
        self.groups = int(groups)
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

    def build(self, input_shape: Shape) -> None:
        """Makes gamma and beta."""
        channels = input_shape[self.axis]
        if channels is None:
            raise ShapeError(
                f"Layer {self.name} needs to know the size of axis {self.axis}. Full shape received: "
                f"{input_shape}."
            )
        if self.groups == -1:
            self.groups = channels
        if self.groups < 1 or channels % self.groups:
            raise InvalidArgumentError(
                f"groups of layer {self.name} must divide the {channels} channels. Received: {self.groups}."
            )
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                "gamma",
                (channels,),
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self.add_weight(
                "beta",
                (channels,),
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        x = inputs.movedim(self.axis, 1)
        rows = x.reshape(x.shape[0], self.groups, math.prod(x.shape[1:]) // self.groups)
        variance, mean = torch.var_mean(rows, -1, correction=0, keepdim=True)
        found = ((rows - mean) * torch.rsqrt(variance + self.epsilon)).reshape(x.shape)
        spread = (-1, *[1] * (x.ndim - 2))
        if self.gamma is not None:
            found = found * self.gamma.view(spread)
        if self.beta is not None:
            found = found + self.beta.view(spread)
        return found.movedim(1, self.axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "groups": self.groups,
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
