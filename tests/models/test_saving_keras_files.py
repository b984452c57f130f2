"""Files that Keras wrote are read as it reads them.

Those of Keras 2.2.4 are from tests/oracle/write_keras_224_files.py, those of Keras 3 from
write_keras_3_files.py beside it.
"""

from pathlib import Path

import numpy as np
import pytest

from batchyard.models import load_model, model_from_json, model_from_yaml

DATA = Path(__file__).parent / "data"
WHOLE_MODELS = sorted(
    path.stem
    for path in DATA.glob("*.h5")
    if path.stem != "branched_weights" and not path.stem.startswith("keras_3")
)
OPTIMIZERS = ("adadelta", "adagrad", "adam", "adamax", "nadam", "rmsprop", "sgd")


def record_of(name):
    """What Keras recorded: inputs, targets, predictions, and the losses of three more steps."""
    with np.load(DATA / f"{name}.npz") as record:
        arrays = dict(record)

    def several(prefix):
        found = [arrays[key] for key in sorted(arrays) if key.startswith(prefix)]
        return found[0] if len(found) == 1 else found

    return several("x"), several("y"), several("prediction"), arrays.get("losses")


def expect_close(ours, theirs):
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            expect_close(one, other)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_the_data_are_there():
    assert {f"dense_{name}" for name in OPTIMIZERS} | {"branched", "convolutional"} == set(WHOLE_MODELS)


@pytest.mark.parametrize("name", WHOLE_MODELS)
def test_they_predict_as_keras_does(name):
    x, _, predictions, _ = record_of(name)
    expect_close(load_model(DATA / f"{name}.h5").predict(x), predictions)


@pytest.mark.parametrize("name", [name for name in WHOLE_MODELS if name != "convolutional"])
def test_they_train_on_as_keras_does(name):
    x, y, _, losses = record_of(name)
    model = load_model(DATA / f"{name}.h5")
    ours = [np.ravel(model.train_on_batch(x, y))[0] for _ in range(len(losses))]
    np.testing.assert_allclose(ours, losses, rtol=1e-5)


@pytest.mark.parametrize("name", WHOLE_MODELS)
def test_their_configuration_is_written_as_it_was_read(name):
    import json

    import h5py

    with h5py.File(DATA / f"{name}.h5") as file:
        theirs = json.loads(file.attrs["model_config"])
        training = json.loads(file.attrs["training_config"])
    model = load_model(DATA / f"{name}.h5")
    assert {"class_name": type(model).__name__, "config": json.loads(model.to_json())["config"]} == theirs
    assert model.optimizer.get_config() == training["optimizer_config"]["config"]
    assert model.loss == training["loss"]
    assert model.metrics == training["metrics"]


@pytest.mark.parametrize("name", ["keras_3_convolutional", "keras_3_branched"])
def test_files_of_keras_3_predict_alike_and_have_their_optimizer_state(name):
    x, _, predictions, _ = record_of(name)
    model = load_model(DATA / f"{name}.h5")
    expect_close(model.predict(x), predictions)
    assert model.optimizer.iterations == 2
    assert model.optimizer.lr == pytest.approx(0.001 if name == "keras_3_convolutional" else 0.125)
    assert all(slot.abs().max() > 0 for slot in model.optimizer.slots if slot.numel() > 1)
    again = model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    expect_close(again.predict(x), predictions)


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("text", ["json", "yaml"])
def test_configuration_and_weights_in_files_of_their_own_make_the_model_too(text, by_name):
    read = {"json": model_from_json, "yaml": model_from_yaml}[text]
    model = read((DATA / f"branched.{text}").read_text())
    model.load_weights(DATA / "branched_weights.h5", by_name=by_name)
    x, _, _, _ = record_of("branched")
    expect = load_model(DATA / "branched.h5")
    # the weights were saved after three more steps than the model
    y = record_of("branched")[1]
    for _ in range(3):
        expect.train_on_batch(x, y)
    expect_close(model.predict(x), expect.predict(x))
