"""Colour pictures of 100 kinds of things in 20 groups: 32 by 32 pixels."""

from __future__ import annotations

import os
from typing import Any

from batchyard.models.datasets.cifar import as_rows, load_batch
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.utils.get_file import get_file

__all__ = ["load_data"]


def load_data(label_mode: str = "fine") -> Any:
    """Returns (x_train, y_train), (x_test, y_test).

    Args:
        label_mode: "fine" for 100 kinds, "coarse" for 20 groups.

    Source: Keras 2.2.4, `datasets.cifar100`.
    """
    if label_mode not in ("fine", "coarse"):
        raise InvalidArgumentError(f"label_mode must be 'fine' or 'coarse'. Received: {label_mode!r}.")
    folder = get_file(
        "cifar-100-python", origin="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz", untar=True
    )
    key = f"{label_mode}_labels"
    train = load_batch(os.path.join(folder, "train"), key)
    test = load_batch(os.path.join(folder, "test"), key)
    return as_rows(*train), as_rows(*test)
