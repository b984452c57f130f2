"""Handwritten digits: 28 by 28 pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchyard.models.utils.get_file import get_file

__all__ = ["load_data"]


def load_data(path: str = "mnist.npz") -> Any:
    """Returns (x_train, y_train), (x_test, y_test).

    Args:
        path: name in the cache.

    Source: Keras 2.2.4, `datasets.mnist`.
    """
    file = get_file(
        path,
        origin="https://s3.amazonaws.com/img-datasets/mnist.npz",
        file_hash="8a61469f7ea1b51cbae51d4f78837e45",
    )
    with np.load(file, allow_pickle=False) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
