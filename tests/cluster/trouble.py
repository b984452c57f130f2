"""Users' code that makes trouble: `tests.cluster.trouble:factory`."""

from __future__ import annotations

import torch

from batchyard.models import Sequential
from batchyard.models.layers import Dense, Flatten, Layer


class Refusing(Layer):
    """A layer that raises when it sees a NaN."""

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        if not inputs.is_meta and bool(torch.isnan(inputs).any()):
            raise RuntimeError("this layer refuses a NaN")
        return inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


def factory() -> Sequential:
    """Build a model with a layer that raises on some rows."""
    return Sequential(
        [Refusing(input_shape=(8, 8, 1)), Flatten(), Dense(4, activation="softmax", name="classes")]
    )
