"""A densely connected layer with a way around it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models import activations, constraints, initializers, regularizers
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import ShapeError
from batchyard.models.layers.registry import layers

__all__ = ["Highway"]


@layers.register()
class Highway(Layer):
    """Mixes activation(x · W + b) with x itself, in parts of sigmoid(x · W_carry + b_carry).

    Args:
        init: how the kernels `W` and `W_carry` (inputs, inputs) begin.
        activation: name or function; none by default.
        weights: initial weights, as arrays.
        W_regularizer: of `W`; its penalty is added to the loss.
        b_regularizer: of `b`; its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        W_constraint: of both kernels; holds after every update.
        b_constraint: of `b`; holds after every update.
        bias: whether biases are added.
        input_dim: number of inputs, for a first layer.
        **kwargs: of every layer.

    Input shape:
        (batch, inputs)

    Output shape:
        that of the input

    Source: Keras 2.2.4, `legacy.layers.Highway`; Srivastava et al. 2015.
    """

    W: Weight
    W_carry: Weight
    b: Weight | None
    b_carry: Weight | None

    def __init__(
        self,
        init: Any = "glorot_uniform",
        activation: Any = None,
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
        self.init = initializers.get(init)
        self.activation = activations.get(activation)
        self.W_regularizer = regularizers.get(W_regularizer)
        self.b_regularizer = regularizers.get(b_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.W_constraint = constraints.get(W_constraint)
        self.b_constraint = constraints.get(b_constraint)
        self.bias = bias
        self.input_dim = input_dim
        self.input_spec = InputSpec(ndim=2)

    def build(self, input_shape: Shape) -> None:
        """Makes the two kernels and biases."""
        inputs = input_shape[1]
        if inputs is None:
            raise ShapeError(
                f"Layer {self.name} needs to know the number of inputs. Full shape received: {input_shape}."
            )
        self.input_spec = InputSpec(ndim=2, axes={1: inputs})
        self.W = self.add_weight(
            "W",
            (inputs, inputs),
            initializer=self.init,
            regularizer=self.W_regularizer,
            constraint=self.W_constraint,
        )
        self.W_carry = self.add_weight(
            "W_carry", (inputs, inputs), initializer=self.init, constraint=self.W_constraint
        )
        self.b = self.b_carry = None
        if self.bias:
            self.b = self.add_weight(
                "b",
                (inputs,),
                initializer="zeros",
                regularizer=self.b_regularizer,
                constraint=self.b_constraint,
            )
            self.b_carry = self.add_weight("b_carry", (inputs,), initializer="ones")

    def call(self, inputs: Tensor) -> Any:
        """Computes the output."""
        carry, changed = inputs @ self.W_carry, inputs @ self.W
        if self.b is not None and self.b_carry is not None:
            carry, changed = carry + self.b_carry, changed + self.b
        part = torch.sigmoid(carry)
        return part * self.activation(changed) + (1 - part) * inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "init": initializers.serialize(self.init),
            "activation": activations.serialize(self.activation),
            "W_regularizer": regularizers.serialize(self.W_regularizer),
            "b_regularizer": regularizers.serialize(self.b_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "W_constraint": constraints.serialize(self.W_constraint),
            "b_constraint": constraints.serialize(self.b_constraint),
            "bias": self.bias,
            "input_dim": self.input_dim,
        }
