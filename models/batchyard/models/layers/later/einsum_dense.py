"""A product of input and kernel that an equation describes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models import activations, constraints, initializers, regularizers
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.layers.registry import layers

__all__ = ["EinsumDense"]

_EQUATION = re.compile(r"(\.\.\.)?([A-Za-z]+)(\.\.\.)?,([A-Za-z]+)->(\.\.\.)?([A-Za-z]+)(\.\.\.)?")


@layers.register()
class EinsumDense(Layer):
    """Computes activation(einsum(equation, input, kernel) + bias).

    Args:
        equation: such as "abc,cd->abd", each letter an axis, `...` for axes in front of the others or behind.
        output_shape: sizes of the output's axes without the batch, and without those of `...`; None where
            it is the input's.
        activation: name or function; none by default.
        bias_axes: letters of the output along which the bias differs; no bias if not given.
        kernel_initializer: how the kernel begins; its axes are those of the equation.
        bias_initializer: how the bias begins.
        kernel_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        kernel_constraint: holds after every update.
        bias_constraint: holds after every update.
        **kwargs: of every layer.

    Input shape:
        as many axes as the equation says

    Output shape:
        likewise

    Example:
        >>> EinsumDense("abc,cd->abd", output_shape=(None, 4))(torch.ones(2, 3, 5)).shape
        torch.Size([2, 3, 4])

    Source: Keras 3, `layers.EinsumDense`.
    """

    kernel: Weight
    bias: Weight | None

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.equation = equation
        self._parts = _parsed(equation)
        sizes = [output_shape] if isinstance(output_shape, int) else output_shape
        self.partial_output_shape = tuple(sizes)
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def _sizes(self, input_shape: Shape) -> tuple[dict[str, int | None], Shape]:
        """Returns the size of each letter's axis, and the output's shape."""
        source, _, target, elided = self._parts
        rest = len(input_shape) - len(source)
        if rest < 0 or (rest and not elided):
            raise ShapeError(
                f"Layer {self.name} computes {self.equation!r}, which does not fit an input of the shape "
                f"{input_shape}."
            )
        front = rest if elided == "front" else 0
        sizes = dict(zip(source, input_shape[front : front + len(source)], strict=True))
        # The first letter is the batch's axis, or `...` stands for it.
        own = target if elided == "front" else target[1:]
        given = self.partial_output_shape[: len(own)]
        if len(given) != len(own):
            raise InvalidArgumentError(
                f"Layer {self.name} computes {self.equation!r}; expected output_shape to have {len(own)} "
                f"sizes. Received: {self.partial_output_shape}."
            )
        for letter, size in zip(own, given, strict=True):
            if size is not None and sizes.get(letter, size) not in (None, size):
                raise ShapeError(
                    f"Layer {self.name} has output_shape={self.partial_output_shape}, but the input's axis "
                    f"{letter!r} of {self.equation!r} has {sizes[letter]} elements."
                )
            if size is not None or letter not in sizes:
                sizes[letter] = size
        found = tuple(sizes[letter] for letter in target)
        if elided == "front":
            return sizes, (*input_shape[:front], *found)
        return sizes, (*found, *input_shape[len(source) :])

    def build(self, input_shape: Shape) -> None:
        """Makes kernel and bias."""
        sizes, _ = self._sizes(input_shape)
        _, inner, target, elided = self._parts
        self.kernel = self.add_weight(
            "kernel",
            [sizes[letter] for letter in inner],  # type: ignore[misc]  # open sizes are refused by add_weight
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.bias_axes is not None:
            unknown = set(self.bias_axes) - set(target)
            if unknown or not self.bias_axes:
                raise InvalidArgumentError(
                    f"bias_axes of layer {self.name} must be letters of the output in {self.equation!r}. "
                    f"Received: {self.bias_axes!r}."
                )
            last = target[min(map(target.index, self.bias_axes)) :]
            shape = [sizes[letter] if letter in self.bias_axes else 1 for letter in last]
            if elided == "back":
                shape += [1] * (len(input_shape) - len(self._parts[0]))
            self.bias = self.add_weight(
                "bias",
                shape,  # type: ignore[arg-type]
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Any:
        """Computes the output."""
        output = torch.einsum(self.equation, inputs, self.kernel)
        return self.activation(output if self.bias is None else output + self.bias)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape that the equation gives."""
        return self._sizes(input_shape)[1]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "equation": self.equation,
            "output_shape": self.partial_output_shape,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


def _parsed(equation: str) -> tuple[str, str, str, str]:
    """Returns the letters of input, kernel and output, and where `...` stands: "front", "back" or ""."""
    found = _EQUATION.fullmatch(equation.replace(" ", "")) if isinstance(equation, str) else None
    places = [found.group(number) is not None for number in (1, 5, 3, 7)] if found else []
    if found is None or places[0] != places[1] or places[2] != places[3] or (places[0] and places[2]):
        raise InvalidArgumentError(
            "equation must be of the form 'ab,bc->ac', '...ab,bc->...ac' or 'ab...,bc->ac...'. Received: "
            f"{equation!r}."
        )
    return found[2], found[4], found[6], "front" if places[0] else "back" if places[2] else ""
