"""The workloads in Keras's API: for `batchyard.models`, Keras 3 and tf-keras alike."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from workloads import Workload, write_hdf5

__all__ = ["Runner"]


class Runner:
    """Trains and predicts through `fit` and `predict`.

    Args:
        library: "batchyard", "keras" or "tf_keras".
        name: of the workload.
        workload: it.
        folder: for a file of data.
        device: "cpu" or "cuda"; only for batchyard, as the others choose by themselves.
        options: further arguments of `compile`.
    """

    def __init__(
        self, library: str, name: str, workload: Workload, folder: Path, device: str, options: dict[str, Any]
    ) -> None:
        self.keras = _library(library)
        self.workload, self.name, self.library = workload, name, library
        self.x, self.y = workload.data()
        self.model = MODELS[name](self.keras, workload)
        if library == "batchyard":
            self.model.to(device)
        loss = {0: "mse", 1: "binary_crossentropy"}.get(workload.classes, "sparse_categorical_crossentropy")
        metrics = ["accuracy"] if workload.classes else ["mae"]
        self.model.compile(_optimizer(self.keras, name), loss, metrics=metrics, **options)
        self.file = write_hdf5(workload, folder) if name == "hdf5" else None

    def fit(self, rows: int, epochs: int) -> None:
        batch = self.workload.batch
        if self.file is not None:
            sequence = _sequence(self.keras, self.file, rows, batch)
            fit = self.model.fit_generator if self.library == "batchyard" else self.model.fit
            fit(sequence, epochs=epochs, verbose=0)
            return
        shuffle = self.name != "stateful"
        self.model.fit(
            self.x[:rows], self.y[:rows], batch_size=batch, epochs=epochs, shuffle=shuffle, verbose=0
        )

    def predict(self, rows: int, epochs: int) -> None:
        for _ in range(epochs):
            self.model.predict(self.x[:rows], batch_size=256, verbose=0)


def _library(name: str) -> Any:
    if name == "batchyard":
        import batchyard.models

        return batchyard.models
    if name == "tf_keras":
        import tf_keras

        return tf_keras
    import keras

    if keras.backend.backend() == "torch" and "OMP_NUM_THREADS" not in os.environ:
        import torch

        torch.set_num_threads(os.cpu_count() or 1)
    return keras


def _optimizer(keras: Any, name: str) -> Any:
    kinds = {
        "mlp": ("RMSprop", 0.001, {}),
        "hdf5": ("RMSprop", 0.001, {}),
        "resnet20": ("SGD", 0.1, {"momentum": 0.9}),
        "overhead": ("SGD", 0.01, {}),
    }
    kind, rate, others = kinds.get(name, ("Adam", 0.001, {}))
    return getattr(keras.optimizers, kind)(rate, **others)


def _mlp(keras: Any, workload: Workload) -> Any:
    layers = keras.layers
    x = inputs = keras.Input(workload.shape)
    for _ in range(2):
        x = layers.Dropout(0.2)(layers.Dense(512, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def _cnn(keras: Any, workload: Workload) -> Any:
    layers = keras.layers
    x = inputs = keras.Input(workload.shape)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.Dropout(0.25)(layers.MaxPooling2D(2)(x))
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Dropout(0.5)(x)))


def _resnet20(keras: Any, workload: Workload) -> Any:
    layers = keras.layers

    def convolution(x: Any, filters: int, strides: int, size: int = 3) -> Any:
        return layers.Conv2D(filters, size, strides=strides, padding="same", kernel_initializer="he_normal")(
            x
        )

    x = inputs = keras.Input(workload.shape)
    x = layers.Activation("relu")(layers.BatchNormalization()(convolution(x, 16, 1)))
    for stage in range(3):
        for block in range(3):
            filters, strides = 16 * 2**stage, 2 if stage and not block else 1
            y = layers.Activation("relu")(layers.BatchNormalization()(convolution(x, filters, strides)))
            y = layers.BatchNormalization()(convolution(y, filters, 1))
            if strides == 2:
                x = convolution(x, filters, strides, 1)
            x = layers.Activation("relu")(layers.add([x, y]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def _lstm(keras: Any, workload: Workload, gates: str = "sigmoid") -> Any:
    layers = keras.layers
    inputs = keras.Input(workload.shape, dtype="int32")
    x = layers.LSTM(64, recurrent_activation=gates)(layers.Embedding(workload.words, 64)(inputs))
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


def _lstm_hard(keras: Any, workload: Workload) -> Any:
    return _lstm(keras, workload, "hard_sigmoid")


def _bidirectional(keras: Any, workload: Workload) -> Any:
    layers = keras.layers
    inputs = keras.Input(workload.shape, dtype="int32")
    both = layers.Bidirectional(layers.LSTM(64, recurrent_activation="sigmoid"))
    x = both(layers.Embedding(workload.words, 64)(inputs))
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


def _gru(keras: Any, workload: Workload) -> Any:
    layers = keras.layers
    inputs = keras.Input(workload.shape, dtype="int32")
    gru = layers.GRU(64, recurrent_activation="hard_sigmoid", reset_after=False)
    return keras.Model(
        inputs, layers.Dense(1, activation="sigmoid")(gru(layers.Embedding(workload.words, 64)(inputs)))
    )


def _conv1d(keras: Any, workload: Workload) -> Any:
    layers = keras.layers
    inputs = keras.Input(workload.shape, dtype="int32")
    x = layers.Dropout(0.2)(layers.Embedding(workload.words, 50)(inputs))
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(250, 3, activation="relu")(x))
    x = layers.Activation("relu")(layers.Dropout(0.2)(layers.Dense(250)(x)))
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


def _overhead(keras: Any, workload: Workload) -> Any:
    inputs = keras.Input(workload.shape)
    hidden = keras.layers.Dense(16, activation="relu")(inputs)
    return keras.Model(inputs, keras.layers.Dense(1)(hidden))


def _stateful(keras: Any, workload: Workload) -> Any:
    layers = keras.layers
    inputs = keras.Input(batch_shape=(workload.batch, *workload.shape))
    x = layers.LSTM(64, recurrent_activation="sigmoid", stateful=True)(inputs)
    return keras.Model(inputs, layers.Dense(1)(x))


MODELS: dict[str, Callable[[Any, Workload], Any]] = {
    "mlp": _mlp,
    "hdf5": _mlp,
    "cnn": _cnn,
    "resnet20": _resnet20,
    "lstm": _lstm,
    "lstm-hard": _lstm_hard,
    "bidirectional": _bidirectional,
    "gru": _gru,
    "conv1d": _conv1d,
    "overhead": _overhead,
    "stateful": _stateful,
}


def _sequence(keras: Any, path: Path, rows: int, batch: int) -> Any:
    """A source of batches that reads a file, in the order of the rows."""
    import h5py

    base = getattr(keras.utils, "PyDataset", None) or keras.utils.Sequence

    class Reader(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            self.file = h5py.File(path)

        def __len__(self) -> int:
            return rows // batch

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            cut = slice(index * batch, (index + 1) * batch)
            return self.file["x"][cut], self.file["y"][cut]

    return Reader()
