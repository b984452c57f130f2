"""The rectifier with learned slopes for negative inputs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models import constraints, initializers, regularizers
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.layers.registry import layers

__all__ = ["PReLU"]


@layers.register()
class PReLU(Layer):
    """x where positive, else alpha * x, with a weight alpha for each place of the input.

    Args:
        alpha_initializer: how alpha begins.
        alpha_regularizer: its penalty is added to the loss.
        alpha_constraint: holds after every update.
        shared_axes: axes (the batch is 0) along which alpha is the same: [1, 2] for one slope per channel of
            images.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.PReLU`; He et al. 2015.
    """

    alpha: Weight

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes: list[int] | None = None
        if shared_axes is not None:
            self.shared_axes = list(shared_axes) if isinstance(shared_axes, list | tuple) else [shared_axes]
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Makes alpha."""
        shared = self.shared_axes or []
        shape: list[Any] = [1 if axis in shared else n for axis, n in enumerate(input_shape)][1:]
        self.alpha = self.add_weight(
            "alpha",
            shape,
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        sizes = {axis: n for axis, n in enumerate(input_shape) if axis and axis not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=sizes)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        return torch.relu(inputs) - self.alpha * torch.relu(-inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }
