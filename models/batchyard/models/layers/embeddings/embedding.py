"""Vectors for numbered things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from batchyard.models import constraints, initializers, regularizers
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.layers.registry import layers

__all__ = ["Embedding"]


@layers.register()
class Embedding(Layer):
    """Looks up a trained vector for each whole number; a first layer only.

    Args:
        input_dim: how many numbers there are: inputs are 0 … input_dim - 1.
        output_dim: size of the vectors.
        embeddings_initializer: how the vectors (input_dim, output_dim) begin.
        embeddings_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        embeddings_constraint: holds after every update.
        mask_zero: whether 0 stands for "nothing here": following layers that know masks skip it.
        input_length: number of time steps, where it is fixed; a Flatten behind needs it.
        **kwargs: of every layer. An integer `dtype` says, as in Keras 2.0, of which type the input is; it
            changes nothing here.

    Input shape:
        (batch, time), or any other

    Output shape:
        (batch, time, output_dim)

    Example:
        >>> Embedding(10, 4)(torch.tensor([[1, 2, 3]])).shape
        torch.Size([1, 3, 4])

    Source: Keras 2.2.4, `layers.Embedding`.
    """

    _only_reads = True
    embeddings: Weight

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        activity_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        input_length: int | Sequence[int | None] | None = None,
        **kwargs: Any,
    ) -> None:
        if int(input_dim) < 1 or int(output_dim) < 1:
            raise InvalidArgumentError(
                "Embedding needs input_dim and output_dim of at least 1. Received: "
                f"input_dim={input_dim!r}, output_dim={output_dim!r}."
            )
        if "input_shape" not in kwargs and "batch_input_shape" not in kwargs:
            known = input_length if isinstance(input_length, list | tuple) else (input_length,)
            kwargs["input_shape"] = tuple(known)
        # Keras 2.0 wrote the type of the numbers looked up into its files
        if "int" in str(kwargs.get("dtype")):
            kwargs["dtype"] = None
        super().__init__(**kwargs)
        self.input_dim = int(input_dim)
        self.output_dim = int(output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.input_length = input_length
        self.supports_masking = mask_zero

    def build(self, input_shape: Shape) -> None:
        """Makes the vectors."""
        self.embeddings = self.add_weight(
            "embeddings",
            (self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns where the input is not 0, if 0 stands for nothing."""
        return torch.ne(inputs, 0) if self.mask_zero else None

    def call(self, inputs: Tensor) -> Tensor:
        """Looks the vectors up."""
        numbers = inputs if inputs.dtype in (torch.int32, torch.int64) else inputs.to(torch.int64)
        return functional.embedding(numbers, self.embeddings)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape, with an axis for the vectors."""
        lengths = self.input_length
        if lengths is None:
            return (*input_shape, self.output_dim)
        known = list(lengths) if isinstance(lengths, list | tuple) else [lengths]
        given = input_shape[1:]
        if len(known) != len(given) or any(
            a is not None and b is not None and a != b for a, b in zip(known, given, strict=True)
        ):
            raise ShapeError(
                f"Layer {self.name} was made with input_length={lengths!r}, but received an input of shape "
                f"{input_shape}."
            )
        sizes: list[Any] = [b if a is None else a for a, b in zip(known, given, strict=True)]
        return (input_shape[0], *sizes, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
            "input_length": self.input_length,
        }
