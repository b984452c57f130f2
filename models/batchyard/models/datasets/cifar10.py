"""Colour pictures of 10 kinds of things: 32 by 32 pixels."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from batchyard.models.datasets.cifar import as_rows, load_batch
from batchyard.models.utils.get_file import get_file

__all__ = ["load_data"]


def load_data() -> Any:
    """Returns (x_train, y_train), (x_test, y_test).

    Source: Keras 2.2.4, `datasets.cifar10`.
    """
    folder = get_file(
        "cifar-10-batches-py", origin="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz", untar=True
    )
    parts = [load_batch(os.path.join(folder, f"data_batch_{number}")) for number in range(1, 6)]
    images = np.concatenate([part[0] for part in parts])
    labels = np.concatenate([np.asarray(part[1], dtype="uint8") for part in parts])
    test, test_labels = load_batch(os.path.join(folder, "test_batch"))
    return as_rows(images, labels), as_rows(test, test_labels)
