"""Class numbers as rows of zeros with a single one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["to_categorical"]


def to_categorical(y: Any, num_classes: int | None = None, dtype: Any = "float32") -> NDArray[Any]:
    """Turns class numbers into rows that are 1 at the class and 0 elsewhere.

    Args:
        y: class numbers from 0 on, of any shape; a last axis of 1 is dropped.
        num_classes: the length of a row; the highest class + 1 by default.
        dtype: of the result.

    Returns:
        An array of the shape of `y`, and one axis more for the classes.

    Example:
        >>> to_categorical([0, 2]).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]

    Source: Keras 2.2.4, `utils.to_categorical`.
    """
    numbers = np.array(y, dtype="int")
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    classes = num_classes or int(numbers.max()) + 1
    rows = np.zeros((*numbers.shape, classes), dtype=dtype)
    np.put_along_axis(rows, numbers[..., None], 1, axis=-1)
    return rows
