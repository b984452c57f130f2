"""Pictures of clothes: 28 by 28 pixels, 10 kinds."""

from __future__ import annotations

import gzip
import os
from typing import Any

import numpy as np

from batchyard.models.utils.get_file import get_file

__all__ = ["load_data"]

_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"


def load_data() -> Any:
    """Returns (x_train, y_train), (x_test, y_test).

    Source: Keras 2.2.4, `datasets.fashion_mnist`.
    """
    return _read("train"), _read("t10k")


def _read(part: str) -> Any:
    folder = os.path.join("datasets", "fashion-mnist")
    name = f"{part}-labels-idx1-ubyte.gz"
    with gzip.open(get_file(name, origin=_URL + name, cache_subdir=folder)) as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8).copy()
    name = f"{part}-images-idx3-ubyte.gz"
    with gzip.open(get_file(name, origin=_URL + name, cache_subdir=folder)) as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(len(labels), 28, 28).copy()
    return images, labels
