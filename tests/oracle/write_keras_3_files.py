"""Write the Keras 3 model files in tests/models/data, with what the models predict.

Runs under Keras 3 (3.15.1 on torch when the files were written), not under Batchyard:

    KERAS_BACKEND=torch /path/to/keras3/bin/python tests/oracle/write_keras_3_files.py tests/models/data
"""

import os
import sys

import keras
import numpy as np
from keras import layers


def convolutional():
    """A Sequential with the layers of the digits example."""
    model = keras.Sequential(
        [
            layers.Input((6, 6, 2)),
            layers.Conv2D(3, 3, padding="same", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def branched():
    """Two inputs and outputs, a shared layer, a nested Sequential and a nested functional model."""
    left, right = layers.Input((4,), name="left"), layers.Input((4,), name="right")
    shared = layers.Dense(3, activation="relu")
    first = keras.Sequential([layers.Input((3,)), layers.Dense(2)], name="first")
    inner = layers.Input((3,))
    second = keras.Model(inner, layers.Dense(1)(inner), name="second")
    model = keras.Model([left, right], [first(shared(left)), second(shared(right))])
    model.compile(keras.optimizers.SGD(0.125, momentum=0.5), ["mean_squared_error", "mean_squared_error"])
    return model


def main(folder):
    """Write all files."""
    for name, make in (("convolutional", convolutional), ("branched", branched)):
        keras.utils.set_random_seed(1)
        model = make()
        random = np.random.default_rng(0)
        x = [random.random((8, *tensor.shape[1:]), dtype="float32") for tensor in model.inputs]
        y = [random.random((8, *tensor.shape[1:]), dtype="float32") for tensor in model.outputs]
        model.fit(x if len(x) > 1 else x[0], y if len(y) > 1 else y[0], epochs=2, verbose=0)
        model.save(os.path.join(folder, f"keras_3_{name}.h5"))
        predictions = model.predict(x if len(x) > 1 else x[0], verbose=0)
        predictions = predictions if isinstance(predictions, list) else [predictions]
        record = {f"x{place}": array for place, array in enumerate(x)}
        record |= {f"prediction{place}": array for place, array in enumerate(predictions)}
        np.savez(os.path.join(folder, f"keras_3_{name}.npz"), **record)


if __name__ == "__main__":
    main(sys.argv[1])
