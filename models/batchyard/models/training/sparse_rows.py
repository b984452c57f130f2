"""Sparse matrices as columns of data: rows become dense when they are read, batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SparseRows", "is_sparse_matrix"]


def is_sparse_matrix(value: Any) -> bool:
    """Whether a value is a sparse matrix of scipy, or of a package like it."""
    return hasattr(value, "tocsr") and hasattr(value, "shape")


class SparseRows:
    """Reads a sparse matrix like an array: whoever takes rows gets them dense.

    Args:
        matrix: with a method `tocsr`.
    """

    def __init__(self, matrix: Any) -> None:
        self._rows = matrix.tocsr()
        self.shape: tuple[int, ...] = tuple(self._rows.shape)
        self.dtype = self._rows.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return np.asarray(self._rows[index].toarray())
