"""Real Keras 2.2.4 opens what we save, and its callbacks decide as ours do.

BATCHYARD_KERAS224_PYTHON names the Python of an environment with keras==2.2.4.
"""

import json
import os
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest

from batchyard.models import Input, Model, Sequential, load_model
from batchyard.models.callbacks import CallbackList, get
from batchyard.models.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
)

ORACLE = Path(__file__).parents[1] / "oracle"
OPTIMIZERS = ("adadelta", "adagrad", "adam", "adamax", "nadam", "rmsprop", "sgd")

pytestmark = pytest.mark.oracle


def run_oracle(script, *arguments, text=None):
    python = os.environ.get("BATCHYARD_KERAS224_PYTHON")
    if not python:
        pytest.skip("BATCHYARD_KERAS224_PYTHON is not set")
    done = subprocess.run(
        [python, str(ORACLE / script), *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def rows(*shape):
    return np.random.default_rng(sum(shape)).random(shape, dtype=np.float32)


def dense(optimizer):
    model = Sequential([Dense(5, input_shape=(4,), activation="tanh"), Dense(2)])
    model.compile(optimizer, "mse", metrics=["mae"])
    return model, [rows(8, 4)], [rows(8, 2)]


def convolutional():
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
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, [rows(8, 6, 6, 2)], [np.eye(3, dtype="float32")[np.arange(8) % 3]]


def branched():
    left, right = Input((4,), name="left"), Input((4,), name="right")
    shared = Dense(3, activation="relu")
    inner = Sequential([Dense(2, input_shape=(3,)), Activation("tanh")])
    model = Model([left, right], [inner(shared(left)), Dense(1)(shared(right))])
    model.compile("adam", ["mse", "mae"], loss_weights=[1.0, 0.5])
    return model, [rows(8, 4), rows(8, 4)[::-1].copy()], [rows(8, 2), rows(8, 1)]


def test_keras_opens_our_files_and_trains_on_as_we_do(tmp_path):
    cases = {f"dense_{name}": dense(name) for name in OPTIMIZERS}
    cases |= {"convolutional": convolutional(), "branched": branched()}
    for name, (model, x, y) in cases.items():
        for _ in range(3):
            model.train_on_batch(x if len(x) > 1 else x[0], y if len(y) > 1 else y[0])
        model.save(tmp_path / f"{name}.h5")
        arrays = {f"x{n}": a for n, a in enumerate(x)} | {f"y{n}": a for n, a in enumerate(y)}
        np.savez(tmp_path / f"{name}.npz", **arrays)

    run_oracle("read_with_keras_224.py", tmp_path)

    for name, (model, x, y) in cases.items():
        inputs, targets = x if len(x) > 1 else x[0], y if len(y) > 1 else y[0]
        theirs = np.load(tmp_path / f"{name}.keras.npz")
        ours = model.predict(inputs)
        for place, array in enumerate(ours if isinstance(ours, list) else [ours]):
            np.testing.assert_allclose(
                array, theirs[f"prediction{place}"], rtol=1e-5, atol=1e-6, err_msg=name
            )
        again = load_model(tmp_path / f"{name}.keras.h5")
        if name == "convolutional":  # dropout's bits differ
            continue
        losses = [np.ravel(model.train_on_batch(inputs, targets))[0] for _ in range(3)]
        if name != "dense_nadam":  # Keras forgets the product of Nadam's momenta
            np.testing.assert_allclose(losses, theirs["losses"], rtol=1e-5, err_msg=name)
            for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6, err_msg=name)


def test_callbacks_decide_as_those_of_keras():
    dice = random.Random(0)
    cases = []
    for _ in range(300):
        monitor = dice.choice(["val_loss", "val_acc"])
        config = {
            "monitor": monitor,
            "patience": dice.randint(0, 4),
            "min_delta": dice.choice([0, 0.1, 0.05]),
            "mode": dice.choice(["auto", "min", "max"]),
        }
        kind = dice.choice(["EarlyStopping", "ReduceLROnPlateau"])
        if kind == "EarlyStopping":
            config["baseline"] = dice.choice([None, 0.5])
        else:
            config |= {"cooldown": dice.randint(0, 3), "min_lr": dice.choice([0, 0.0005]), "factor": 0.5}
        values = [round(dice.random(), 2) for _ in range(12)]
        cases.append({"class_name": kind, "config": config, "values": values})

    theirs = json.loads(run_oracle("run_callbacks_of_keras_224.py", text=json.dumps(cases)))

    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse")
    for case, expected in zip(cases, theirs, strict=True):
        model.optimizer.lr = 0.01
        model.stop_training = False
        listed = CallbackList([get({"class_name": case["class_name"], "config": case["config"]})])
        listed.set_model(model)
        listed.on_train_begin()
        rates, stopped = [], None
        for epoch, value in enumerate(case["values"]):
            decision = listed.decide(epoch, {case["config"]["monitor"]: value})
            listed.apply(decision)
            rates.append(decision.learning_rate)
            if decision.stop:
                stopped = epoch
                break
        assert {"rates": rates, "stopped": stopped} == expected, case
