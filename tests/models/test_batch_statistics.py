"""BatchNormalization keeps the moving statistics of the version of Keras that its file is from.

The factors were measured with TensorFlow 2.15, tf-keras 2.21 and Keras 3.15 (momentum 0, one batch).
"""

import io
import json

import h5py
import numpy as np
import pytest

from batchyard.models import Sequential, layers, load_model, model_from_json, model_from_yaml
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.saving import model_from_config
from batchyard.models.saving.own_arguments import KEY
from tests.models.test_saving_other_versions import DATA, record_of


def normalizing(statistics, shape=(3,), axis=-1, **options):
    options |= {"statistics_of": statistics} if statistics else {}
    model = Sequential(
        [
            layers.BatchNormalization(axis, momentum=0.0, input_shape=shape, **options),
            layers.Reshape((-1,)),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(
    ("statistics", "shape", "axis", "of_tf_keras"),
    [
        ("tf.keras", (3,), -1, "as it is"),
        ("tf.keras", (5, 3), -1, "as it is"),
        ("tf.keras", (2, 2, 3), -1, "n / (n - 1)"),
        ("tf.keras", (3, 2, 2), 1, "n / (n - 1)"),
        ("tf.keras", (2, 3, 2), 2, "as it is"),
        ("tf.keras", (2, 2, 2, 3), -1, "n / (n - 1)"),
        ("keras 3", (2, 2, 3), -1, "as it is"),
        (None, (2, 2, 3), -1, "n / (n - 1.001)"),
    ],
)
def test_the_moving_variance_is_that_of_the_version(statistics, shape, axis, of_tf_keras):
    model = normalizing(statistics, shape, axis)
    x = np.random.default_rng(0).random((4, *shape), dtype="float32")
    model.train_on_batch(x, np.zeros((4, 1)))
    axes = tuple(place for place in range(x.ndim) if place != axis % x.ndim)
    n = x.size // 3
    factor = {"as it is": 1.0, "n / (n - 1)": n / (n - 1), "n / (n - 1.001)": n / (n - 1.001)}[of_tf_keras]
    np.testing.assert_allclose(model.get_weights()[3], factor * x.var(axes), rtol=1e-5)


@pytest.mark.parametrize(("statistics", "rests"), [(None, False), ("tf.keras", True), ("keras 3", True)])
def test_a_frozen_network_rests_the_later_versions_layers_within(statistics, rests):
    base = normalizing(statistics)
    model = Sequential([Sequential([base], name="within"), layers.Dense(1)])
    x, y = np.array([[1, 2, 3], [3, 6, 9]], "float32"), np.ones((2, 1), "float32")

    def changes(trainable):
        model.layers[0].trainable = trainable
        model.compile("sgd", "mse")
        before = base.layers[0].get_weights()
        predicted = model.predict(x)
        loss = model.train_on_batch(x, y)
        after = base.layers[0].get_weights()
        return not np.array_equal(before[2], after[2]), np.isclose(loss, np.mean((predicted - y) ** 2))

    assert changes(False) == (False, rests)
    assert changes(True) == (True, False)


@pytest.mark.parametrize(("statistics", "learns"), [(None, True), ("tf.keras", False), ("keras 3", False)])
def test_later_versions_normalize_by_the_moving_statistics_where_the_layer_is_frozen(statistics, learns):
    model = normalizing(statistics, trainable=False)
    x = np.array([[1, 2, 3], [3, 6, 9]], "float32")
    y = np.ones((2, 1), "float32")
    in_test = model.test_on_batch(x, y)
    assert (model.train_on_batch(x, y) != pytest.approx(in_test)) is learns


@pytest.mark.parametrize("file", ["tf_keras_normalized.h5", "keras_3_normalized.keras"])
def test_what_was_trained_on_predicts_as_where_it_was_written(file):
    x, y, _, losses = record_of(file)
    model = load_model(DATA / file)
    for _ in losses:
        model.train_on_batch(x, y)
    with np.load(DATA / f"{file.rsplit('.', 1)[0]}.npz") as record:
        np.testing.assert_allclose(model.predict(x), record["later0"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("file", ["tf_keras_normalized.h5", "keras_3_normalized.keras"])
@pytest.mark.parametrize("target", [None, "keras2", "keras3", "keras"])
def test_files_keep_it_where_no_other_reader_minds_it(file, target):
    model = load_model(DATA / file)
    model.optimizer.iterations = 0  # Keras 3's HDF5 holds no state, and says so
    stream = io.BytesIO()
    model.save(stream, target=target)
    again = load_model(stream)
    found, expected = (
        [getattr(layer, "statistics_of", "") for layer in each.layers] for each in (again, model)
    )
    assert found == expected
    assert set(found) == {"", "tf.keras" if "tf" in file else "keras 3"}
    if target != "keras":
        with h5py.File(stream) as written:
            described = json.loads(written.attrs["model_config"])
        assert "statistics_of" not in str(described["config"])


def test_layers_of_keras_2_stay_so_in_files_for_keras_3():
    stream = io.BytesIO()
    normalizing(None).save(stream, target="keras")
    assert load_model(stream).layers[0].statistics_of == "keras 2"


@pytest.mark.parametrize("text", ["json", "yaml"])
def test_text_keeps_it(text):
    model = normalizing("tf.keras")
    written = getattr(model, f"to_{text}")()
    again = {"json": model_from_json, "yaml": model_from_yaml}[text](written)
    assert again.get_config() == model.get_config()
    assert KEY in written
    assert KEY not in getattr(normalizing(None), f"to_{text}")()


@pytest.mark.parametrize(
    "entries",
    [
        1,
        [1],
        [[1, 2]],
        [[[], "tf.keras"]],
        [[["config", "layers", 7, "config", "statistics_of"], "tf.keras"]],
        [[["config", "layers", True, "config", "statistics_of"], "tf.keras"]],
        [[["config", "layers", 0, "config", "units"], 10**9]],
        [[["config", "statistics_of", "statistics_of"], "tf.keras"]],
    ],
)
def test_damaged_paths_are_refused(entries):
    config = json.loads(normalizing(None).to_json())
    with pytest.raises(InvalidArgumentError, match="paths to arguments"):
        model_from_config({**config, KEY: entries})


def test_other_values_are_refused():
    with pytest.raises(InvalidArgumentError, match=r"'keras 2', 'tf\.keras', 'keras 3'.*'mine'"):
        layers.BatchNormalization(statistics_of="mine")
