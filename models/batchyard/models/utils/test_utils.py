"""Keras's module of that name: data to try models with."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["get_test_data"]


def get_test_data(
    num_train: int = 1000,
    num_test: int = 500,
    input_shape: tuple[int, ...] = (10,),
    output_shape: tuple[int, ...] = (2,),
    classification: bool = True,
    num_classes: int = 2,
) -> Any:
    """Returns (x_train, y_train), (x_test, y_test) that a model can learn.

    Args:
        num_train: rows to train on.
        num_test: rows to test on.
        input_shape: of a row.
        output_shape: of a row's targets, if they are no classes.
        classification: classes as targets.
        num_classes: their number.
    """
    rows = num_train + num_test
    labels = np.random.randint(0, num_classes, size=rows) if classification else np.random.random(rows)
    shift = labels.astype("float32") - (0 if classification else 0.5)
    x = np.random.normal(size=(rows, *input_shape)) + shift.reshape(-1, *(1 for _ in input_shape))
    y = labels
    if not classification:
        y = np.zeros((rows, *output_shape)) + shift.reshape(-1, *(1 for _ in output_shape))
    return (x[:num_train], y[:num_train]), (x[num_train:], y[num_train:])
