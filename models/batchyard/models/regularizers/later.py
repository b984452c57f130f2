"""Penalties on weights that versions of Keras after 2.2 added: their files name them.

Source: Keras 3, `regularizers`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.regularizers.regularizers import Regularizer, regularizers

__all__ = ["OrthogonalRegularizer"]


@regularizers.register("orthogonal_regularizer")
class OrthogonalRegularizer(Regularizer):
    """factor times the mean of the cosines between all pairs of rows, or of columns, without their signs.

    Args:
        factor: of the mean.
        mode: "rows" or "columns".
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise InvalidArgumentError(f"mode must be 'rows' or 'columns'. Received: {mode!r}.")
        self.factor = float(factor)
        self.mode = mode

    def __call__(self, x: Tensor) -> Tensor:
        """Returns the penalty."""
        if x.ndim != 2:
            raise ShapeError(
                f"OrthogonalRegularizer needs a weight of two axes. Received one of {tuple(x.shape)}."
            )
        rows = x if self.mode == "rows" else x.T
        squares = torch.square(rows).sum(1, keepdim=True)
        rows = rows * torch.rsqrt(torch.clamp(squares, min=1e-12))
        cosines = torch.triu(rows @ rows.T, diagonal=1)
        count = len(rows) * (len(rows) - 1) / 2
        return self.factor * cosines.abs().sum() / count

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"factor": self.factor, "mode": self.mode}
