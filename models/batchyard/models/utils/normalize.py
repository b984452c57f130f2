"""Arrays scaled to length 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["normalize"]


def normalize(x: Any, axis: int = -1, order: int = 2) -> NDArray[Any]:
    """Divides by the norm along an axis; what has the norm 0 stays 0.

    Args:
        x: the array.
        axis: along which the norm is taken.
        order: of the norm: 2 for Euclid's.

    Example:
        >>> normalize([[3.0, 4.0]]).tolist()
        [[0.6, 0.8]]

    Source: Keras 2.2.4, `utils.normalize`.
    """
    norms = np.atleast_1d(np.linalg.norm(x, order, axis))
    norms[norms == 0] = 1
    scaled: NDArray[Any] = x / np.expand_dims(norms, axis)
    return scaled
