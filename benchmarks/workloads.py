"""What is measured: name, batch size, rows of an epoch, and the data. Every contender computes the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["WORKLOADS", "Workload", "write_hdf5"]


@dataclass(frozen=True)
class Workload:
    """A model with its data.

    Attributes:
        title: in the table.
        batch: rows of a training batch.
        rows: rows of the data, a multiple of the batch.
        shape: of a row.
        classes: 0 for regression, 1 for yes or no, else the number of classes.
        words: the inputs are whole numbers below this; 0 for floats.
        predicts: whether `predict` is measured too, with batches of 256.
    """

    title: str
    batch: int
    rows: int
    shape: tuple[int, ...]
    classes: int
    words: int = 0
    predicts: bool = True

    def data(self) -> tuple[NDArray[np.float32 | np.int32], NDArray[np.float32 | np.int64]]:
        random = np.random.default_rng(0)
        if self.words:
            x = random.integers(0, self.words, (self.rows, *self.shape), dtype=np.int32)
        else:
            x = random.standard_normal((self.rows, *self.shape), dtype=np.float32)
        if self.classes > 1:
            return x, random.integers(0, self.classes, self.rows)
        y = random.standard_normal((self.rows, 1), dtype=np.float32)
        return x, (y > 0).astype(np.float32) if self.classes else y


WORKLOADS = {
    "mlp": Workload("MLP 784-512-512-10, dropout .2, RMSprop, b128", 128, 16384, (784,), 10),
    "cnn": Workload("mnist CNN, Adam, b128", 128, 2048, (28, 28, 1), 10),
    "resnet20": Workload("ResNet20 v1 32×32×3, SGD momentum, b64", 64, 768, (32, 32, 3), 10),
    "lstm": Workload("Embedding 5000×64, LSTM 64 over 80 (sigmoid), Adam, b64", 64, 5120, (80,), 1, 5000),
    "lstm-hard": Workload(
        "the same with Keras 2's default, hard_sigmoid", 64, 5120, (80,), 1, 5000, predicts=False
    ),
    "bidirectional": Workload(
        "Embedding 5000×64, Bidirectional LSTM 64 over 80 (sigmoid), Adam, b64", 64, 2560, (80,), 1, 5000
    ),
    "gru": Workload("Embedding 5000×64, GRU 64 over 80 (hard_sigmoid), Adam, b64", 64, 2560, (80,), 1, 5000),
    "conv1d": Workload("Embedding 5000×50, Conv1D 250×3, Dense 250, Adam, b32", 32, 1600, (400,), 1, 5000),
    "overhead": Workload("Dense 16, Dense 1, SGD, b32: overhead", 32, 65536, (16,), 0),
    "stateful": Workload("stateful LSTM 64 over 20×16, Adam, b32", 32, 6400, (20, 16), 0, predicts=False),
    "hdf5": Workload(
        "the MLP, fit_generator on a Sequence that reads HDF5, b128", 128, 16384, (784,), 10, predicts=False
    ),
}


def write_hdf5(workload: Workload, folder: Path) -> Path:
    """Writes the data into a file, for contenders that read it batch by batch."""
    import h5py

    path = folder / "data.h5"
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = workload.data()
    return path
