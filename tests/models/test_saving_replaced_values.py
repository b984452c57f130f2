"""Loading gives each weight the file's value, computes no first values, and tells what it cannot know."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from batchyard.models import Sequential, load_model, model_from_json
from batchyard.models.errors import ModelFileError
from batchyard.models.layers import LSTM, Conv2D, Dense, Layer
from batchyard.models.saving.conversion import convert_file
from batchyard.models.saving.inspection import inspect_file


def recurrent(units=6):
    model = Sequential([LSTM(units, input_shape=(4, 3)), Dense(2)])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("ending", ["h5", "keras"])
@pytest.mark.filterwarnings("ignore:hard_sigmoid")
def test_first_values_are_not_computed_for_weights_that_a_file_brings(tmp_path, monkeypatch, ending):
    model = recurrent()
    x = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32")
    model.save(tmp_path / f"m.{ending}")
    with monkeypatch.context() as patch:
        patch.setattr(torch.linalg, "qr", None)
        loaded = load_model(tmp_path / f"m.{ending}")
    np.testing.assert_allclose(loaded.predict(x), model.predict(x), rtol=0, atol=1e-6)
    assert all(np.abs(weight).max() > 0 for weight in recurrent().get_weights()[:2])  # is over then


def test_weights_alone_are_converted_without_first_values(tmp_path, monkeypatch):
    model = recurrent()
    model.save_weights(tmp_path / "w.h5")
    (tmp_path / "m.json").write_text(model.to_json())
    monkeypatch.setattr(torch.linalg, "qr", None)
    convert_file(tmp_path / "w.h5", tmp_path / "m.h5", model=tmp_path / "m.json")
    loaded = load_model(tmp_path / "m.h5", compile=False)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_looking_into_a_configuration_computes_nothing_and_takes_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.linalg, "qr", None)
    config = {
        "class_name": "Sequential",
        "config": [
            {"class_name": "LSTM", "config": {"units": 2048, "batch_input_shape": [None, 4, 3], "name": "l"}}
        ],
    }
    path = tmp_path / "m.json"
    path.write_text(json.dumps(config))
    report = inspect_file(path)
    assert not report.problem
    assert report.parameters == 4 * 2048 * (2048 + 3 + 1)
    config["config"][0]["config"]["units"] = 10**6
    path.write_text(json.dumps(config))
    assert "may not take up so much memory" in inspect_file(path).problem
    with pytest.raises(ModelFileError, match="may not take up so much memory"):
        convert_file(path, tmp_path / "m.h5")


def test_text_asks_for_no_orthogonal_weights_that_take_minutes():
    config = {"class_name": "LSTM", "config": {"units": 4096, "batch_input_shape": [None, 4, 3], "name": "l"}}
    text = json.dumps({"class_name": "Sequential", "config": [config]})
    with pytest.raises(ModelFileError, match="an orthogonal matrix of 4096 x 16384, which takes too long"):
        model_from_json(text)


@pytest.mark.parametrize("steps", [np.nan, np.inf, -1.0])
def test_steps_that_are_no_number_of_steps_are_refused(tmp_path, steps):
    model = recurrent()
    model.train_on_batch(np.zeros((2, 4, 3)), np.zeros((2, 2)))
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        del file["optimizer_weights/Adam/iterations:0"]
        file["optimizer_weights/Adam/iterations:0"] = np.float32(steps)
    with pytest.raises(ModelFileError, match="number of steps"):
        load_model(tmp_path / "m.h5")


def test_keras_1_files_with_channels_first_tell_of_theano(tmp_path):
    model = Sequential([Conv2D(2, 3, input_shape=(1, 6, 6), data_format="channels_first")])
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"] = [b"convolution2d_1"]
        group = file.create_group("convolution2d_1")
        group.attrs["weight_names"] = [b"W", b"b"]
        group["W"] = np.ones((2, 1, 3, 3), "float32")
        group["b"] = np.zeros(2, "float32")
    with pytest.warns(UserWarning, match="convert_all_kernels_in_model"):
        model.load_weights(tmp_path / "w.h5")
    assert np.all(model.get_weights()[0] == 1)


def test_a_file_that_opens_is_not_said_to_need_custom_objects():
    report = inspect_file(Path(__file__).parent / "data" / "other_versions" / "keras_3_operations.keras")
    assert (report.problem, report.custom) == ("", [])


class Pair(Layer):
    """Holds layers in a list, where no file of Keras 3 has a place for their weights."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = Dense(2)

    def build(self, input_shape):
        self.inner.build(input_shape)
        super().build(input_shape)

    def call(self, inputs):
        return self.inner(inputs)


def test_an_archive_without_a_value_for_a_weight_is_refused_and_changes_nothing(tmp_path):
    model = Sequential([Dense(3, input_shape=(2,), name="a"), Dense(1, name="b")])
    path = tmp_path / "m.keras"
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    stream = io.BytesIO(members["model.weights.h5"])
    with h5py.File(stream, "r+") as file:
        del file["layers/dense_1/vars/1"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**members, "model.weights.h5": stream.getvalue()}.items():
            archive.writestr(name, content)
    with pytest.raises(ModelFileError, match="fewer numbers than that"):
        load_model(path)
    before = model.get_weights()
    with pytest.raises(ModelFileError, match="expected 2 weights, found 1"):
        model.load_weights(path)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_of_keras_3_gives_every_weight_a_value_or_is_refused(tmp_path):
    model = Sequential([Dense(3, input_shape=(2,), name="a"), Dense(1, name="b")])
    model.save_weights(tmp_path / "m.weights.h5", target="keras3")
    held = Sequential([Dense(3, input_shape=(2,), name="a"), Pair(name="b")])
    with pytest.raises(ModelFileError, match="expected the group 'inner', found none"):
        held.load_weights(tmp_path / "m.weights.h5")


def test_a_file_of_a_model_that_was_not_built_brings_first_values_of_layers_that_were(tmp_path):
    inner = Sequential([Dense(5, input_shape=(4,), kernel_initializer="orthogonal")])
    Sequential([Dense(4, input_shape=(3,)), inner]).save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        del config["config"]["layers"][0]["config"]["batch_input_shape"]
        file.attrs["model_config"] = json.dumps(config).encode()
    loaded = load_model(tmp_path / "m.h5", compile=False)
    assert not loaded.built
    kernel = loaded.layers[1].get_weights()[0]  # no weights are read into such a model
    assert (
        np.linalg.matrix_rank(kernel) == 4
    )  # so that the zeros which stand for a file's values are not left
    loaded.build((None, 3))
    assert np.linalg.matrix_rank(loaded.layers[0].get_weights()[0]) == 3
