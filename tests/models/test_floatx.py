"""The default float type: random models compute and train in float16 and float64 as they do in float32."""

import math

import numpy as np
import pytest

from batchyard.models import Model, Sequential, backend, layers, losses, optimizers
from tests.oracle import random_cases
from tests.oracle.random_cases.comparison import run_ours

#: How many cases of each kind; the numbers differ from those of float32 by so much at most.
COUNTS = {"single_layer": 30, "recurrent": 20, "objectives": 15, "optimizers": 8, "graphs": 8}
CLOSE = {"float16": 3e-2, "float64": 1e-5}
CASES = [(kind, seed) for kind, count in COUNTS.items() for seed in range(5000, 5000 + count)]


@pytest.fixture
def floatx():
    yield backend.set_floatx
    backend.set_floatx("float32")
    backend.set_epsilon(1e-7)


@pytest.mark.filterwarnings("ignore")  # of what Keras warns of too: class weights beside weights of rows
@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_random_models_compute_in_every_float_type(kind, seed, floatx):
    case = getattr(random_cases, kind)(seed)
    found = {dtype: run_ours({**case, "floatx": dtype}) for dtype in ("float16", "float32", "float64")}
    for dtype, tolerance in CLOSE.items():
        for name, expected in found["float32"].items():
            value = found[dtype][name]
            if name.startswith(("predict", "gradient_0", "trained")) and value.dtype.kind == "f":
                assert value.dtype == dtype, name
            if name.startswith("predict") and expected.size:
                size = max(1, np.abs(expected).max())
                np.testing.assert_allclose(
                    value.astype("float64"), expected, rtol=0, atol=tolerance * size, err_msg=name
                )
    assert backend.floatx() == "float32"


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_all_that_a_model_makes_has_the_default_float_type(dtype, floatx):
    floatx(dtype)
    inputs = layers.Input((4, 3))
    hidden = layers.BatchNormalization()(layers.LSTM(3, return_sequences=True)(inputs))
    model = Model(inputs, layers.Dense(2)(layers.Flatten()(hidden)))
    model.compile(optimizers.Adam(1e-3, epsilon=1e-3), "mse", metrics=["mae"])
    x, y = np.random.RandomState(0).rand(6, 4, 3), np.zeros((6, 2))
    history = model.fit(x, y, sample_weight=np.arange(1, 7) / 6, validation_split=0.5, verbose=0).history
    assert all(math.isfinite(value) for values in history.values() for value in values)
    assert {weight.dtype for weight in model.get_weights()} == {np.dtype(dtype)}
    assert {slot.dtype for slot in model.optimizer.get_weights()[1:]} == {np.dtype(dtype)}
    assert model.predict(x).dtype == dtype
    assert inputs.dtype == backend.variable(1.5).dtype == backend.constant([1.0]).dtype
    assert model.get_config()["layers"][0]["config"]["dtype"] == dtype
    assert backend.cast_to_floatx([1, 2]).dtype == dtype


def test_learning_rates_are_rounded_as_the_float_type_holds_them(floatx):
    floatx("float64")
    assert optimizers.SGD(0.1).get_config()["lr"] == 0.1
    floatx("float32")
    assert optimizers.SGD(0.1).get_config()["lr"] == float(np.float32(0.1))


def test_epsilon_is_read_when_it_is_needed(floatx):
    target, prediction = backend.constant([[1.0, 0.0]]), backend.constant([[0.0, 0.5]])
    for epsilon in (1e-7, 1e-2):
        backend.set_epsilon(epsilon)
        assert backend.epsilon() == epsilon
        expected = -(math.log(epsilon) + math.log(0.5)) / 2
        assert float(losses.binary_crossentropy(target, prediction)) == pytest.approx(expected, rel=1e-5)
        assert optimizers.Adam().get_config()["epsilon"] == epsilon
        assert optimizers.Adam(epsilon=1e-4).get_config()["epsilon"] == 1e-4


def test_a_model_in_float64_trains_more_exactly_than_one_in_float32(floatx):
    def trained(dtype):
        floatx(dtype)
        backend.clear_session()
        model = Sequential([layers.Dense(1, use_bias=False, kernel_initializer="zeros", input_shape=(1,))])
        model.compile(optimizers.SGD(1.0), "mse")
        for _ in range(50):
            model.train_on_batch(np.array([[0.5]]), np.array([[1 / 3]]))
        return abs(float(model.get_weights()[0][0, 0]) - 2 / 3)

    assert trained("float64") < 1e-12 < trained("float32") < 1e-6


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_means_over_windows_in_three_dimensions_are_taken_in_float16(padding, floatx):
    floatx("float16")
    x = np.linspace(0, 1, 2 * 54).reshape((2, 3, 3, 3, 2))
    model = Sequential([layers.AveragePooling3D(2, padding=padding, input_shape=x.shape[1:])])
    found = model.predict(x)
    assert found.dtype == "float16"
    # Recorded from Keras 2.2.4.
    recorded = {"valid": 1.5140381, "same": 17.9425049}[padding]
    assert found.astype("float64").sum() == pytest.approx(recorded, rel=2e-3)
    pooled = backend.pool3d(backend.constant(x), (2, 2, 2), (2, 2, 2), padding, pool_mode="avg")
    np.testing.assert_allclose(backend.eval(pooled), found, rtol=2e-3)


#: Losses in float16 of one row that is right and one that is not, as Keras 2.2.4 gives them. Those that need
#: an epsilon beside 1 are NaN or infinite there, as here, for 1e-7 is lost; with 1e-3 everything is finite.
HARD = {
    "mean_squared_error": [0.0, 0.6665],
    "mean_squared_logarithmic_error": [0.0, 0.3206],
    "squared_hinge": [2 / 3, 1.0],
    "categorical_crossentropy": [0.0, 15.9453],
    "poisson": [1 / 3, 5.6445],
}


@pytest.mark.parametrize("name", sorted(HARD))
def test_losses_in_float16_are_those_of_keras_2_2_4(name, floatx):
    floatx("float16")
    true, predicted = np.eye(3)[:2], np.eye(3)[[0, 0]]
    found = backend.eval(losses.get(name)(backend.constant(true), backend.constant(predicted)))
    assert found.dtype == "float16"
    np.testing.assert_allclose(found.astype("float64"), HARD[name], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", ["binary_crossentropy", "kullback_leibler_divergence"])
def test_with_a_larger_epsilon_losses_in_float16_are_finite(name, floatx):
    floatx("float16")
    backend.set_epsilon(1e-3)
    true, predicted = np.eye(3)[:2], np.eye(3)[[0, 0]]
    assert np.isfinite(
        backend.eval(losses.get(name)(backend.constant(true), backend.constant(predicted)))
    ).all()
