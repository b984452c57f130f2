"""The greatest of several densely connected layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models import constraints, initializers, regularizers
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import ShapeError
from batchyard.models.layers.registry import layers

__all__ = ["MaxoutDense"]


@layers.register()
class MaxoutDense(Layer):
    """Takes the greatest of `nb_feature` linear functions, for each output.

    Args:
        output_dim: number of outputs.
        nb_feature: number of linear functions for each.
        init: how the kernel `W` (nb_feature, inputs, output_dim) begins.
        weights: initial weights, as arrays.
        W_regularizer: its penalty is added to the loss.
        b_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        W_constraint: holds after every update.
        b_constraint: holds after every update.
        bias: whether a bias `b` (nb_feature, output_dim) is added.
        input_dim: number of inputs, for a first layer.
        **kwargs: of every layer.

    Input shape:
        (batch, inputs)

    Output shape:
        (batch, output_dim)

    Source: Keras 2.2.4, `legacy.layers.MaxoutDense`; Goodfellow et al. 2013.
    """

    W: Weight
    b: Weight | None

    def __init__(
        self,
        output_dim: int,
        nb_feature: int = 4,
        init: Any = "glorot_uniform",
        weights: Any = None,
        W_regularizer: Any = None,
        b_regularizer: Any = None,
        activity_regularizer: Any = None,
        W_constraint: Any = None,
        b_constraint: Any = None,
        bias: bool = True,
        input_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        if input_dim is not None:
            kwargs.setdefault("input_shape", (input_dim,))
        super().__init__(weights=weights, **kwargs)
        self.output_dim = output_dim
        self.nb_feature = nb_feature
        self.init = initializers.get(init)
        self.W_regularizer = regularizers.get(W_regularizer)
        self.b_regularizer = regularizers.get(b_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.W_constraint = constraints.get(W_constraint)
        self.b_constraint = constraints.get(b_constraint)
        self.bias = bias
        self.input_dim = input_dim
        self.input_spec = InputSpec(ndim=2)

    def build(self, input_shape: Shape) -> None:
        """Makes kernel and bias."""
        inputs = input_shape[1]
        if inputs is None:
            raise ShapeError(
                f"Layer {self.name} needs to know the number of inputs. Full shape received: {input_shape}."
            )
        self.input_spec = InputSpec(ndim=2, axes={1: inputs})
        self.W = self.add_weight(
            "W",
            (self.nb_feature, inputs, self.output_dim),
            initializer=self.init,
            regularizer=self.W_regularizer,
            constraint=self.W_constraint,
        )
        self.b = None
        if self.bias:
            self.b = self.add_weight(
                "b",
                (self.nb_feature, self.output_dim),
                initializer="zeros",
                regularizer=self.b_regularizer,
                constraint=self.b_constraint,
            )

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        output = torch.matmul(inputs, self.W)  # (nb_feature, batch, output_dim)
        if self.b is not None:
            output = output + self.b.unsqueeze(1)
        return output.amax(0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns (batch, output_dim)."""
        return (input_shape[0], self.output_dim)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "output_dim": self.output_dim,
            "init": initializers.serialize(self.init),
            "nb_feature": self.nb_feature,
            "W_regularizer": regularizers.serialize(self.W_regularizer),
            "b_regularizer": regularizers.serialize(self.b_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "W_constraint": constraints.serialize(self.W_constraint),
            "b_constraint": constraints.serialize(self.b_constraint),
            "bias": self.bias,
            "input_dim": self.input_dim,
        }
