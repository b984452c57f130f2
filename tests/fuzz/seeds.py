"""Small valid files of every kind that the library reads."""

import io
import json
import warnings

import numpy as np

from batchyard.models import Input, Model, Sequential, backend, layers
from batchyard.models.training.state import FitState, pack


def dense():
    model = Sequential([layers.Dense(3, activation="tanh", input_shape=(2,)), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.train_on_batch(np.ones((4, 2), "float32"), np.ones((4, 1), "float32"))
    return model


def branched():
    left, right = Input((2,)), Input((3, 2))
    inner = Sequential([layers.Dense(2, input_shape=(2,)), layers.BatchNormalization()])
    read = layers.Bidirectional(layers.LSTM(2))(right)
    cells = layers.RNN([layers.GRUCell(2), layers.SimpleRNNCell(2)])(right)
    merged = layers.Concatenate()([inner(left), read, layers.Add()([inner(left), cells])])
    model = Model([left, right], [layers.Dense(1)(merged), layers.TimeDistributed(layers.Dense(1))(right)])
    model.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 0.5])
    return model


def spatial():
    model = Sequential(
        [
            layers.Conv2D(2, 2, input_shape=(4, 4, 1), kernel_regularizer="l2", kernel_constraint="max_norm"),
            layers.PReLU(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("rmsprop", "categorical_crossentropy")
    return model


def make_seeds():
    """Return the files' bytes and texts by kind, and the models whose weights they hold."""
    backend.clear_session()
    models = [dense(), branched(), spatial()]
    seeds = {kind: [] for kind in ("h5", "keras", "weights", "weights3", "json", "yaml", "state")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for model in models:
            for kind, save in {
                "h5": [lambda m, f: m.save(f), lambda m, f: m.save(f, target="keras3")],
                "keras": [lambda m, f: m.save(f, target="keras")],
                "weights": [lambda m, f: m.save_weights(f)],
                "weights3": [lambda m, f: m.save_weights(f, target="keras3")],
            }.items():
                for one in save:
                    stream = io.BytesIO()
                    one(model, stream)
                    seeds[kind].append(stream.getvalue())
            seeds["json"].append(model.to_json())
            seeds["yaml"].append(model.to_yaml())
            seeds["state"].append(pack(model, FitState(seed=1, epoch=2, history={"loss": [0.5]})))
    seeds["json"] += [json.dumps(config) for config in archive_configs(seeds["keras"])]
    return seeds, models


def archive_configs(archives):
    """Return the configurations in the manner of Keras 3."""
    import zipfile

    for data in archives:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield json.loads(archive.read("config.json"))
