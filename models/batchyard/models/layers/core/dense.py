"""The densely connected layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models import activations, constraints, initializers, regularizers
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.layers.registry import layers

__all__ = ["Dense"]


@layers.register()
class Dense(Layer):
    """activation(inputs · kernel + bias), over the last axis.

    Args:
        units: size of the output's last axis.
        activation: name or function; none by default.
        use_bias: whether a bias is added.
        kernel_initializer: how the kernel (inputs, units) begins.
        bias_initializer: how the bias (units,) begins.
        kernel_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        kernel_constraint: holds after every update.
        bias_constraint: holds after every update.
        input_dim: size of the input's last axis, for a first layer; short for `input_shape=(input_dim,)`.
        **kwargs: of every layer.

    Input shape:
        (batch, …, features)

    Output shape:
        (batch, …, units)

    Example:
        >>> Dense(2)(torch.ones(3, 4)).shape
        torch.Size([3, 2])

    Source: Keras 2.2.4, `layers.Dense`.
    """

    _only_reads = True
    kernel: Weight
    bias: Weight | None

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        *,
        input_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        if int(units) < 1:
            raise InvalidArgumentError(f"Dense needs at least one unit. Received: units={units!r}.")
        if input_dim is not None and "input_shape" not in kwargs:
            kwargs["input_shape"] = (input_dim,)
        super().__init__(**kwargs)
        self.units = int(units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Makes kernel and bias."""
        features = input_shape[-1]
        if features is None:
            raise ShapeError(
                f"Layer {self.name} needs to know the size of its input's last axis. Full shape received: "
                f"{input_shape}."
            )
        self.kernel = self.add_weight(
            "kernel",
            (features, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias",
                (self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})

    def call(self, inputs: Tensor) -> Any:
        """Computes the output."""
        flat = inputs.ndim == 2
        rows = inputs if flat else inputs.reshape(-1, inputs.shape[-1])
        bias, activation = self.bias, self.activation
        output = torch.mm(rows, self.kernel) if bias is None else torch.addmm(bias, rows, self.kernel)
        if activation is activations.relu:
            output, activation = torch.relu_(output), activations.linear  # nobody else has seen it
        if not flat:
            output = output.view(*inputs.shape[:-1], self.units)
        return output if activation is activations.linear else activation(output)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape with the last axis replaced."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }
