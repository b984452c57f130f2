"""What CIFAR-10 and CIFAR-100 have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchyard.models import backend
from batchyard.models.datasets.guarded_unpickling import PlainUnpickler

__all__ = ["as_rows", "load_batch"]


def load_batch(fpath: str, label_key: str = "labels") -> tuple[Any, list[int]]:
    """Reads one of the files: images of the shape (rows, 3, 32, 32), and their labels.

    Args:
        fpath: path of the file.
        label_key: the name of the labels in it.

    Source: Keras 2.2.4, `datasets.cifar.load_batch`.
    """
    with open(fpath, "rb") as file:
        found = {
            key.decode() if isinstance(key, bytes) else key: v
            for key, v in PlainUnpickler(file).load().items()
        }
    images = np.asarray(found["data"])
    return images.reshape(len(images), 3, 32, 32), found[label_key]


def as_rows(images: Any, labels: Any) -> tuple[Any, Any]:
    """Returns images in the backend's data format, and labels as a column."""
    if backend.image_data_format() == "channels_last":
        images = images.transpose(0, 2, 3, 1)
    return images, np.reshape(labels, (len(labels), 1))
