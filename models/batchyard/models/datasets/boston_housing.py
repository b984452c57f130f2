"""Prices of houses in Boston: 13 numbers per district."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchyard.models.utils.get_file import get_file

__all__ = ["load_data"]


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Any:
    """Returns (x_train, y_train), (x_test, y_test).

    Args:
        path: name in the cache.
        test_split: fraction of the rows to test on.
        seed: of the order of the rows.

    Source: Keras 2.2.4, `datasets.boston_housing`.
    """
    file = get_file(
        path,
        origin="https://s3.amazonaws.com/keras-datasets/boston_housing.npz",
        file_hash="f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    )
    with np.load(file, allow_pickle=False) as arrays:
        x, y = arrays["x"], arrays["y"]
    order = np.random.RandomState(seed).permutation(len(x))
    at = int(len(x) * (1 - test_split))
    return (x[order[:at]], y[order[:at]]), (x[order[at:]], y[order[at:]])
