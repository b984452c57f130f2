"""Random data from which a model can learn something."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["get_test_data"]

#: Standard deviation of the noise; classes are 1 apart.
_NOISE = 0.7


def get_test_data(
    num_train: int = 1000,
    num_test: int = 500,
    input_shape: tuple[int, ...] = (10,),
    output_shape: tuple[int, ...] = (2,),
    classification: bool = True,
    num_classes: int = 2,
) -> Any:
    """Returns (x_train, y_train), (x_test, y_test) that a model can learn.

    All numbers of a row lie about its class number, or about its own number between 0 and 1.

    Args:
        num_train: rows to train on.
        num_test: rows to test on.
        input_shape: of a row.
        output_shape: of a row's targets, if they are no classes.
        classification: the targets are class numbers, of shape (rows,).
        num_classes: how many classes.

    Source: Keras 2.2.4, `utils.test_utils`.
    """
    rows = num_train + num_test
    if classification:
        y = np.random.randint(0, num_classes, size=rows)
        x = _about(y, input_shape)
    else:
        center = np.random.random(rows)
        x, y = _about(center, input_shape), _about(center, output_shape)
    return (x[:num_train], y[:num_train]), (x[num_train:], y[num_train:])


def _about(center: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Draws rows of that shape, each about its center."""
    noise: NDArray[Any] = np.random.normal(scale=_NOISE, size=(len(center), *shape))
    rows: NDArray[Any] = noise + center.reshape(-1, *(1 for _ in shape))
    return rows.astype("float32")
