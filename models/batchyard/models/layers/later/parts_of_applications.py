"""Parts of the architectures that Keras ships in `applications`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.layers.later.augmentation.augmentation import uniform
from batchyard.models.layers.registry import layers

__all__ = ["CustomScaleLayer", "LayerScale", "StochasticDepth"]


@layers.register()
class LayerScale(Layer):
    """Multiplies each channel by a learned number.

    Args:
        init_values: with which the numbers begin.
        projection_dim: the number of channels.
        **kwargs: of every layer.

    Input shape:
        any, channels last

    Output shape:
        that of the input

    Source: Keras 3, `applications.convnext`; Touvron et al. 2021.
    """

    gamma: Weight

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, input_shape: Shape) -> None:
        """Makes the numbers."""
        initializer = {"class_name": "Constant", "config": {"value": self.init_values}}
        self.gamma = self.add_weight("gamma", (self.projection_dim,), initializer=initializer)
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        return inputs * self.gamma

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config = super().get_config()
        return {**config, "init_values": self.init_values, "projection_dim": self.projection_dim}


@layers.register()
class StochasticDepth(Layer):
    """Sets some rows to 0 in training, drawn by lot, and scales up the others to the same mean.

    Args:
        drop_path_rate: the part of the rows, from 0 to below 1.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 3, `applications.convnext`; Huang et al. 2016.
    """

    def __init__(self, drop_path_rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drop_path_rate = drop_path_rate

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Computes the output."""
        if not self.is_training(training):
            return inputs
        kept = uniform(len(inputs), (0.0, 1.0), inputs) >= self.drop_path_rate
        scaled = inputs / (1 - self.drop_path_rate)
        return torch.where(kept.view(-1, *[1] * (inputs.ndim - 1)), scaled, 0.0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "drop_path_rate": self.drop_path_rate}


@layers.register()
class CustomScaleLayer(Layer):
    """Adds a multiple of the second input to the first.

    Args:
        scale: by which the second is multiplied.
        **kwargs: of every layer.

    Input shape:
        a list of two equal shapes

    Output shape:
        that of one of them

    Source: Keras 3, `applications.inception_resnet_v2`.
    """

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Computes the output."""
        return inputs[0] + inputs[1] * self.scale

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        """Returns the first input's shape."""
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "scale": self.scale}
