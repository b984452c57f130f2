"""Recurrent layers with a method `step`: numbers of Keras 2.2.4 (tests/oracle), and their promises."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from batchyard import models
from batchyard.models import Input, Model, Sequential, backend, load_model
from batchyard.models.compat.recurrent import ConvRecurrent2D, Recurrent
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.layers import Bidirectional, Dense

ROOT = Path(__file__).parents[1]
LAYERS = SimpleNamespace(**vars(models.layers), Recurrent=Recurrent, ConvRecurrent2D=ConvRecurrent2D)
OURS = SimpleNamespace(layers=LAYERS, models=models, backend=backend)


def load_cases():
    spec = importlib.util.spec_from_file_location("step_layer_cases", ROOT / "oracle" / "step_layer_cases.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cases = load_cases()
WRITTEN = cases.layers_of(OURS)
X = cases.numbers(1, cases.ROWS, cases.TIME, cases.FEATURES)


@pytest.fixture(scope="module")
def recorded():
    with np.load(ROOT / "models" / "data" / "step_layers.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize("name", cases.CASES)
def test_a_layer_computes_what_it_does_in_keras(name, recorded):
    ours = cases.run(OURS, name)
    theirs = {key.partition("/")[2]: value for key, value in recorded.items() if key.startswith(f"{name}/")}
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if key in ("config", "shapes"):
            assert json.loads(str(ours[key])) == json.loads(str(value)), key
        elif key == "weights":
            assert list(ours[key]) == list(value)
        else:
            tolerance = 5e-5 if key == "losses" or key.startswith("trained") else 1e-5
            np.testing.assert_allclose(ours[key], value, rtol=tolerance, atol=tolerance, err_msg=key)


def test_stacked_cells_put_out_the_first_state_where_they_are_masked():
    # Recorded from Keras 2.2.4 with these weights, the output of the first cell in row 0 at the last steps.
    x = np.random.RandomState(0).rand(1, 4, 3).astype("float32")
    x[0, 2:] = 0
    inputs = Input((4, 3))
    cells = [models.layers.SimpleRNNCell(2), models.layers.SimpleRNNCell(2)]
    outputs = models.layers.RNN(cells, return_sequences=True)(models.layers.Masking()(inputs))
    model = Model(inputs, outputs)
    source = np.random.RandomState(3)
    model.set_weights([source.uniform(-0.7, 0.7, w.shape) for w in model.get_weights()])
    expected = [[-0.28765407, 0.43501666], [-0.20076, 0.36715388], *[[-0.38794458, 0.5489813]] * 2]
    np.testing.assert_allclose(model.predict(x)[0], expected, atol=1e-6)


def test_keras_offers_the_two_classes_where_it_had_them():
    from batchyard.models.compat.keras_modules import KERAS_MODULES

    for module in ("keras.layers", "keras.layers.recurrent", "keras.legacy.layers"):
        assert Recurrent.__module__ in KERAS_MODULES[module]


@pytest.mark.parametrize("name", ["Plain", "Gated", "Counting"])
def test_a_model_comes_back_from_its_file(name, tmp_path):
    model = Sequential([WRITTEN[name](4, return_sequences=True, batch_input_shape=(4, 5, 3)), Dense(2)])
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.h5")
    copy = load_model(tmp_path / "model.h5", custom_objects={name: WRITTEN[name]})
    assert np.array_equal(copy.predict(X), model.predict(X))
    assert copy.get_config() == model.get_config()


def test_two_lanes_train_a_stateful_layer_as_one_does():
    found = []
    for lanes in (1, 2):
        backend.clear_session()
        layer = WRITTEN["Gated"](4, stateful=True, batch_input_shape=(4, 5, 3))
        model = Sequential([layer, Dense(2)])
        model.set_weights([cases.numbers(7, *w.shape) for w in model.get_weights()])
        model.compile("sgd", "mse")
        model.fit(X, X[:, 0, :2], batch_size=4, epochs=3, shuffle=False, verbose=0, lanes=lanes)
        assert layer.states[0].shape == (4, 4)
        found.append([*(state.numpy() for state in layer.states), *model.get_weights()])
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_a_stateful_layer_forgets_when_its_states_are_reset():
    model = Sequential([WRITTEN["Counting"](4, stateful=True, batch_input_shape=(4, 5, 3))])
    first, second = (model.predict(X, batch_size=4) for _ in range(2))
    assert not np.allclose(first, second)
    model.reset_states()
    assert np.array_equal(model.predict(X, batch_size=4), first)


def test_it_works_within_bidirectional():
    layer = Bidirectional(WRITTEN["Plain"](4, return_sequences=True))
    assert layer(torch.from_numpy(X)).shape == (4, 5, 8)
    forward, backward = layer.forward_layer, layer.backward_layer
    assert (forward.go_backwards, backward.go_backwards) == (False, True)


def test_dropout_of_constants_is_that_of_the_phase():
    class Dropping(WRITTEN["Plain"]):
        def get_constants(self, inputs, training=None):
            ones = backend.ones_like(inputs[:, 0])
            return [backend.in_train_phase(lambda: backend.dropout(ones, 0.5), ones, training=training)]

        def step(self, inputs, states):
            return super().step(inputs * states[1], states[:1])

    layer, plain = Dropping(4), WRITTEN["Plain"](4)
    x = torch.from_numpy(X)
    layer(x), plain(x)
    plain.set_weights(layer.get_weights())
    assert torch.equal(layer(x), plain(x))
    assert not torch.allclose(layer(x, training=True), plain(x))


def test_a_class_without_step_is_told_what_it_lacks():
    class Stepless(Recurrent):
        units = 3

        def build(self, input_shape):
            self.states = [None]

    with pytest.raises(InvalidArgumentError, match=r"Stepless .* method step\(self, inputs, states\)"):
        Stepless()(torch.from_numpy(X))


def test_initial_states_that_do_not_fit_are_refused():
    inputs, state, wide = Input((5, 3)), Input((4,)), Input((6,))
    with pytest.raises(ShapeError, match="has 2 states, but received 1"):
        WRITTEN["Counting"](4)(inputs, initial_state=state)
    with pytest.raises(ShapeError, match="expected axis 1 of the input to have size 4, found 6"):
        WRITTEN["Plain"](4)(inputs, initial_state=wide)


def test_a_stateful_layer_needs_a_batch_size():
    with pytest.raises(InvalidArgumentError, match="needs to know its batch size"):
        WRITTEN["Plain"](4, stateful=True)(Input((5, 3)))
    with pytest.raises(InvalidArgumentError, match="not stateful"):
        WRITTEN["Plain"](4).reset_states()


def test_an_unrolled_film_is_computed_as_any_other():
    film = torch.from_numpy(cases.numbers(1, 2, 3, 7, 6, 2))
    layer = WRITTEN["Filming"](filters=2, kernel_size=3, unroll=True, implementation=1)
    assert layer(film).shape == (2, 5, 4, 2)
    assert (layer.get_config()["unroll"], layer.get_config()["implementation"]) == (True, 1)
    with pytest.raises(InvalidArgumentError, match="kernel_size"):
        ConvRecurrent2D(2, (1, 2, 3))
