"""Numbers of categories as vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.later.encoding import check_mode, encode, encoded_shape, expect_few
from batchyard.models.layers.registry import layers

__all__ = ["CategoryEncoding"]


@layers.register()
class CategoryEncoding(Layer):
    """Makes vectors of numbers of categories.

    Args:
        num_tokens: how many categories there are.
        output_mode: "one_hot", a vector for each number; "multi_hot", 1 for each category that is in a row;
            or "count", how often it is there.
        sparse: False.
        **kwargs: of every layer.

    Input shape:
        (batch, numbers); in a list with weights of the numbers for "count"

    Output shape:
        (batch, num_tokens), with "one_hot" (batch, numbers, num_tokens) for several

    Example:
        >>> CategoryEncoding(3, output_mode="count")(torch.tensor([[0, 2, 2]]))
        tensor([[1., 0., 2.]])

    Source: Keras 3, `layers.CategoryEncoding`.
    """

    #: What the inputs in a list are, for calls that name them.
    tensor_arguments = ("inputs", "count_weights")

    def __init__(
        self,
        num_tokens: int,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_tokens = expect_few(int(num_tokens))
        self.output_mode = check_mode(output_mode, sparse)

    def call(self, inputs: Tensor | Sequence[Tensor]) -> Tensor:
        """Computes the output."""
        x, weights = (inputs, None) if isinstance(inputs, Tensor) else (inputs[0], inputs[1])
        return encode(x, self.output_mode, self.num_tokens, weights, torch_dtype(self.dtype))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Returns the output's shape."""
        shape: Shape = input_shape[0] if isinstance(input_shape, list) else input_shape
        return encoded_shape(shape, self.output_mode, self.num_tokens)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode}
