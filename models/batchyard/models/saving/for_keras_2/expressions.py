"""What later versions compute, as layers of Keras 2.2.4: activations, and numbers added and multiplied."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from batchyard.models.engine.symbolic import SymbolicTensor
from batchyard.models.saving.for_keras_2.known import ACTIVATIONS

__all__ = ["Expression", "Given", "activated", "as_layer", "scaled"]

#: The widest last axis that a square matrix scales.
_WIDEST = 1024


@dataclass(frozen=True)
class Given:
    """What a layer is called on.

    Attributes:
        shape: of the tensor, with the axis of rows.
        dtype: of it, such as "float32".
        masked: whether a mask comes with it.
    """

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    masked: bool = False


class Expression:
    """Layers of Keras 2.2.4 in the making, with names that follow from one layer's name.

    Args:
        name: of the layer that they stand for.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0

    def apply(self, kind: str, tensors: Any, **arguments: Any) -> SymbolicTensor:
        """Apply a layer of that class."""
        from batchyard.models import layers

        self._count += 1
        layer = getattr(layers, kind)(**arguments, name=f"{self._name}_{kind.lower()}_{self._count}")
        found: SymbolicTensor = layer(tensors)
        return found


def as_layer(name: str, inputs: Sequence[SymbolicTensor], output: SymbolicTensor) -> Any:
    """Return what computes an output: the single layer that does, or else a model.

    Args:
        name: that it is to have.
        inputs: what it is called on.
        output: of an expression.
    """
    from batchyard.models import Model

    layer, index, _ = output._keras_history
    node = layer._inbound_nodes[index]
    alike = len(node.sources) == len(inputs) and all(
        one is other for one, other in zip(node.sources, inputs, strict=True)
    )
    if alike and not layer.weights:
        layer.name = name
        return layer
    return Model(list(inputs) if len(inputs) > 1 else inputs[0], output, name=name)


def scaled(
    made: Expression, tensor: SymbolicTensor, factor: float, offset: float = 0.0
) -> SymbolicTensor | None:
    """Return factor * tensor + offset, as a layer of frozen weights; None where there is none.

    Args:
        made: what gives names.
        tensor: of known channels.
        factor: a number.
        offset: a number.
    """
    width = tensor.shape[-1]
    if factor == 1.0 and offset == 0.0:
        return made.apply("Activation", tensor, activation="linear")
    if len(tensor.shape) < 2 or width is None or not (math.isfinite(factor) and math.isfinite(offset)):
        return None
    bias = {
        "use_bias": offset != 0.0,
        "bias_initializer": {"class_name": "Constant", "config": {"value": offset}},
        "trainable": False,
    }
    if len(tensor.shape) == 4:
        kernel = {"class_name": "Constant", "config": {"value": factor}}
        return made.apply(
            "DepthwiseConv2D",
            tensor,
            kernel_size=1,
            data_format="channels_last",
            depthwise_initializer=kernel,
            **bias,
        )
    if width > _WIDEST:
        return None
    identity = {"class_name": "Identity", "config": {"gain": factor}}
    return made.apply("Dense", tensor, units=width, kernel_initializer=identity, **bias)


def activated(made: Expression, tensor: SymbolicTensor, activation: str) -> SymbolicTensor | None:
    """Return an activation of a tensor; None where Keras 2.2.4 can't compute it.

    Args:
        made: what gives names.
        tensor: what it is computed of.
        activation: its name here.
    """
    if activation in ACTIVATIONS:
        return made.apply("Activation", tensor, activation=activation)
    if activation == "relu6":
        return made.apply("ReLU", tensor, max_value=6.0)
    if activation == "leaky_relu":
        return made.apply("LeakyReLU", tensor, alpha=0.2)
    if activation in ("silu", "swish"):
        return _gated(made, tensor, activated(made, tensor, "sigmoid"))
    if activation == "mish":
        soft = made.apply("Activation", tensor, activation="softplus")
        return _gated(made, tensor, activated(made, soft, "tanh"))
    if activation == "hard_sigmoid_of_keras_3":
        smaller = scaled(made, tensor, 5.0 / 6.0)
        return None if smaller is None else activated(made, smaller, "hard_sigmoid")
    if activation in ("hard_silu", "hard_swish"):
        return _gated(made, tensor, activated(made, tensor, "hard_sigmoid_of_keras_3"))
    return None


def _gated(made: Expression, tensor: SymbolicTensor, gate: SymbolicTensor | None) -> SymbolicTensor | None:
    return None if gate is None else made.apply("Multiply", [tensor, gate])
