"""Write the model files in tests/models/data, with what the models predict and how they train on.

Runs under Keras 2.2.4 (see docs of the oracles), not under Batchyard:

    /path/to/keras224/bin/python tests/oracle/write_keras_224_files.py tests/models/data
"""

import os
import sys

import numpy as np
import tensorflow as tf
from keras import backend as K
from keras.layers import Activation, BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from keras.models import Model, Sequential
from keras_224_in_order import count_steps_last


def convolutional(optimizer):
    """A Sequential with every layer of the digits example."""
    model = Sequential(
        [
            Conv2D(3, 3, input_shape=(6, 6, 2), padding="same", kernel_regularizer="l2"),
            BatchNormalization(),
            Activation("relu"),
            MaxPooling2D(2),
            Flatten(),
            Dropout(0.25),
            Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


def dense(optimizer):
    """A Sequential without randomness or moving averages, whose training goes on exactly."""
    model = Sequential([Dense(5, input_shape=(4,), activation="tanh"), Dense(2)])
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def branched(optimizer):
    """Two inputs and outputs, a shared layer, and a nested model."""
    left, right = Input((4,), name="left"), Input((4,), name="right")
    shared = Dense(3, activation="relu", name="shared")
    inner = Sequential([Dense(2, input_shape=(3,), name="inner_dense")], name="inner")
    first = inner(shared(left))
    second = Dense(1, activation="sigmoid", name="second")(shared(right))
    model = Model([left, right], [first, second])
    model.compile(optimizer, ["mse", "binary_crossentropy"], loss_weights=[1.0, 0.5])
    return model


def write(folder, name, model, x, y, steps=3, optimizer_steps=True):
    """Train, save, and record predictions; then train on, and record the losses."""
    for _ in range(steps):
        model.train_on_batch(x, y)
    model.save(os.path.join(folder, name + ".h5"))
    record = {}
    for place, array in enumerate(x if isinstance(x, list) else [x]):
        record[f"x{place}"] = array
    for place, array in enumerate(y if isinstance(y, list) else [y]):
        record[f"y{place}"] = array
    predictions = model.predict(x)
    for place, array in enumerate(predictions if isinstance(predictions, list) else [predictions]):
        record[f"prediction{place}"] = array
    if optimizer_steps:
        record["losses"] = np.array([np.ravel(model.train_on_batch(x, y))[0] for _ in range(3)])
    np.savez(os.path.join(folder, name + ".npz"), **record)


def fresh_session(seed):
    """Forget all earlier models; one thread, so that a model's numbers follow from the seed."""
    K.clear_session()
    K.set_session(
        tf.Session(config=tf.ConfigProto(inter_op_parallelism_threads=1, intra_op_parallelism_threads=1))
    )
    np.random.seed(seed)
    tf.set_random_seed(seed)


def main(folder):
    """Write all files."""
    os.makedirs(folder, exist_ok=True)
    count_steps_last()
    random = np.random.RandomState(0)
    x = random.rand(8, 4).astype("float32")
    y = random.rand(8, 2).astype("float32")
    for name in ("sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam"):
        fresh_session(1)
        write(folder, "dense_" + name, dense(name), x, y)

    fresh_session(2)
    images = random.rand(8, 6, 6, 2).astype("float32")
    classes = np.eye(3, dtype="float32")[random.randint(0, 3, 8)]
    # BatchNormalization's zero-debiased averages and Dropout's bits aren't in the file: no losses to compare
    write(folder, "convolutional", convolutional("adam"), images, classes, optimizer_steps=False)

    fresh_session(3)
    model = branched("adam")
    ends = [random.rand(8, 2).astype("float32"), random.randint(0, 2, (8, 1)).astype("float32")]
    write(folder, "branched", model, [x, x[::-1].copy()], ends)
    model.save_weights(os.path.join(folder, "branched_weights.h5"))
    with open(os.path.join(folder, "branched.json"), "w") as file:
        file.write(model.to_json())
    with open(os.path.join(folder, "branched.yaml"), "w") as file:
        file.write(model.to_yaml())


if __name__ == "__main__":
    main(sys.argv[1])
