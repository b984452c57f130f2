"""Numbers as numbers of intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.later.encoding import check_mode, encode, encoded_shape
from batchyard.models.layers.registry import layers

__all__ = ["Discretization"]


@layers.register()
class Discretization(Layer):
    """Tells in which interval each number lies; a bound belongs to the interval above.

    Args:
        bin_boundaries: the bounds between the intervals, rising.
        num_bins: accepted for Keras's sake: of how many `adapt` was to find the bounds.
        epsilon: likewise.
        output_mode: "int", or "one_hot", "multi_hot", "count" as of `CategoryEncoding`.
        sparse: False.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input, or as of `CategoryEncoding`

    Example:
        >>> Discretization([0.0, 1.0])(torch.tensor([-1.0, 0.0, 3.0]))
        tensor([0, 1, 2])

    Source: Keras 3, `layers.Discretization`.
    """

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(bin_boundaries, list | tuple):
            raise InvalidArgumentError(
                f"Layer {self.name!r} of class Discretization needs bin_boundaries, a list of numbers. "
                f"Received: {bin_boundaries!r:.60}. Write the layer with those that `adapt` found."
            )
        self.bin_boundaries = [float(bound) for bound in bin_boundaries]
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.output_mode = check_mode(output_mode, sparse, also=("int",))

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        bounds = torch.tensor(self.bin_boundaries, dtype=torch_dtype(self.dtype), device=inputs.device)
        found = torch.bucketize(inputs.to(bounds.dtype), bounds, right=True)
        if self.output_mode == "int":
            return found
        return encode(found, self.output_mode, len(self.bin_boundaries) + 1, None, bounds.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        if self.output_mode == "int":
            return input_shape
        return encoded_shape(input_shape, self.output_mode, len(self.bin_boundaries) + 1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "bin_boundaries": self.bin_boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
        }
