"""Add, Subtract, Multiply, Average, Maximum, Minimum."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.math import maximum, minimum
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import GraphError
from batchyard.models.layers.merge.merge import Merge
from batchyard.models.layers.registry import layers

__all__ = ["Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"]


@layers.register()
class Add(Merge):
    """Returns the sum of the inputs."""

    def merge(self, inputs: Sequence[Tensor]) -> Tensor:
        """Computes the output."""
        return reduce(torch.add, inputs)

    def call_with_relu(self, inputs: Any) -> Tensor:
        """Computes the relu of the output."""
        return torch.relu_(self.call(inputs))


@layers.register()
class Subtract(Merge):
    """Returns the first of two inputs minus the second."""

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Returns the shape to which both inputs are broadcast."""
        found = super().compute_output_shape(input_shape)
        if len(input_shape) != 2:
            raise GraphError(f"Layer {self.name} needs exactly 2 inputs. Received: {len(input_shape)}.")
        return found

    def merge(self, inputs: Sequence[Tensor]) -> Tensor:
        """Computes the output."""
        return inputs[0] - inputs[1]


@layers.register()
class Multiply(Merge):
    """Returns the product of the inputs."""

    def merge(self, inputs: Sequence[Tensor]) -> Tensor:
        """Computes the output."""
        return reduce(torch.mul, inputs)


@layers.register()
class Average(Merge):
    """Returns the mean of the inputs."""

    def merge(self, inputs: Sequence[Tensor]) -> Tensor:
        """Computes the output."""
        return reduce(torch.add, inputs) / len(inputs)


@layers.register()
class Maximum(Merge):
    """Returns the greatest of the inputs."""

    def merge(self, inputs: Sequence[Tensor]) -> Tensor:
        """Computes the output."""
        return reduce(maximum, inputs)


@layers.register()
class Minimum(Merge):
    """Returns the least of the inputs."""

    def merge(self, inputs: Sequence[Tensor]) -> Tensor:
        """Computes the output."""
        return reduce(minimum, inputs)
