"""The backend on symbolic tensors: arithmetic, functions of graphs, gradients, the learning phase."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from batchyard.models import (
    Model,
    Sequential,
    layers,
    load_model,
    losses,
    metrics,
    model_from_json,
    optimizers,
)
from batchyard.models import backend as K
from batchyard.models.backend.excepted import EXCEPTED
from batchyard.models.callbacks import LambdaCallback
from batchyard.models.errors import (
    GraphError,
    InvalidArgumentError,
    NotSerializableError,
    ShapeError,
    UnknownNameError,
    UnsafeCodeError,
)
from batchyard.models.layers import Dense, Dropout, Input, Lambda

API = Path(__file__).parent / "data" / "keras_2_2_4_api.json"
X = np.random.RandomState(0).rand(6, 4).astype("float32")


@pytest.fixture(autouse=True)
def fresh():
    yield
    K.clear_session()


def test_every_name_of_keras_is_here_with_its_parameters_or_excepted():
    api = json.loads(API.read_text())["keras.backend"]
    assert {name for name in api if not hasattr(K, name)} == set(EXCEPTED)
    for name, described in api.items():
        if name in EXCEPTED or "args" not in described:
            continue
        parameters = inspect.signature(getattr(K, name)).parameters.values()
        ours = [str(p.name) for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        assert ours == [a.split("=")[0] for a in described["args"] if not a.startswith("*")], name
        defaults = [repr(p.default) for p in parameters if p.default is not p.empty]
        assert defaults == [a.split("=", 1)[1] for a in described["args"] if "=" in a], name


def test_arithmetic_on_symbolic_tensors_makes_layers_of_a_model():
    x, y = Input((4,)), Input((4,))
    model = Model([x, y], -(((x + 2 * y - 1) / (y + 3.0)) ** 2))
    np.testing.assert_allclose(model.predict([X, X]), -(((3 * X - 1) / (X + 3)) ** 2), rtol=1e-5)
    assert model.output_shape == (None, 4)


def test_numpy_arrays_may_stand_on_either_side():
    x = Input((4,))
    factors = np.arange(4.0)
    np.testing.assert_allclose(Model(x, factors * x + np.float64(1)).predict(X), factors * X + 1, rtol=1e-5)


def test_parts_of_symbolic_tensors_have_known_shapes():
    x = Input((5, 4))
    assert x[:, 0].shape == (None, 4)
    assert x[:, 1:3, ::2].shape == (None, 2, 2)
    assert K.concatenate([x, x], axis=1).shape == (None, 10, 4)
    assert K.reshape(x, (-1, 10)).shape == (None, 10)
    assert K.reshape(x, (K.shape(x)[0], 2, 10)).shape == (None, 2, 10)
    assert K.argmax(x).dtype == torch.int64


def test_functions_of_torch_take_symbolic_tensors():
    x = Input((4,))
    np.testing.assert_allclose(Model(x, torch.sin(x)).predict(X), np.sin(X), rtol=1e-5)


def test_a_function_that_does_not_fit_says_so():
    with pytest.raises(ShapeError, match="cannot be applied to inputs of the shapes"):
        K.dot(Input((4,)), K.ones((3, 2)))


def test_a_model_with_arithmetic_trains_and_cannot_be_saved():
    x = Input((4,))
    model = Model(x, Dense(1)(x * 2))
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(X, np.ones((6, 1))))
    with pytest.raises(NotSerializableError, match="Put it into a Lambda layer"):
        model.to_json()


def test_a_function_begins_and_ends_at_any_layer():
    model = Sequential([Dense(3, input_shape=(4,)), Dense(2), Dense(1)])
    first, second, third = model.layers
    hidden = K.function([first.input], [first.output, second.output])([X])
    np.testing.assert_allclose(
        K.function([second.output], [third.output])([hidden[1]])[0], model.predict(X), rtol=1e-5
    )
    assert hidden[0].shape == (6, 3)


def test_a_function_needs_all_its_inputs():
    x, y = Input((4,)), Input((4,))
    with pytest.raises(GraphError, match="not among its inputs"):
        K.function([x], [x + y])
    with pytest.raises(InvalidArgumentError, match="a list of 1 inputs"):
        K.function([x], [x + 1])([X, X])


@pytest.mark.parametrize(("phase", "dropped"), [(0, False), (1, True)])
def test_the_learning_phase_can_be_fed(phase, dropped):
    x = Input((4,))
    run = K.function([x, K.learning_phase()], [Dropout(0.5)(x), K.in_train_phase(x * 2, x)])
    after, chosen = run([X, phase])
    assert bool((after == 0).any()) == dropped
    np.testing.assert_array_equal(chosen, X * 2 if phase else X)


def test_a_learning_phase_that_is_set_holds_until_the_session_is_cleared():
    K.set_learning_phase(1)
    assert K.learning_phase() == 1
    assert (Dropout(0.5)(torch.ones(100)) == 0).any()
    K.clear_session()
    assert not (Dropout(0.5)(torch.ones(100)) == 0).any()


def test_a_function_in_training_leaves_moving_averages_and_states_as_they_are():
    inputs = Input(batch_shape=(6, 2, 4))
    outputs = layers.LSTM(3, stateful=True)(layers.BatchNormalization()(inputs))
    model = Model(inputs, outputs)
    x = np.stack([X, X + 1], 1)
    before = model.get_weights()
    function = K.function([inputs, K.learning_phase()], [outputs])
    first, second = function([x, 1])[0], function([x, 1])[0]
    np.testing.assert_array_equal(first, second)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    K.function([inputs, K.learning_phase()], [outputs], model.layers[1].updates)([x, 1])
    np.testing.assert_allclose(model.layers[1].get_weights()[2], 0.01 * x.mean((0, 1)), rtol=1e-5)


def test_a_constant_of_a_whole_batch_can_be_multiplied():
    inputs = Input((4,))
    direction = np.arange(24.0).reshape(6, 4).astype("float32")
    total = K.sum(inputs * K.constant(direction))
    found = K.function([inputs], [total, *K.gradients(total, [inputs])])([X])
    np.testing.assert_allclose(found[0], (X * direction).sum(), rtol=1e-6)
    np.testing.assert_array_equal(found[1], direction)
    with pytest.raises(ShapeError, match="cannot be applied"):
        inputs * K.constant(direction[:, :3])


def test_updates_are_made_when_the_function_runs():
    x, total = Input((4,)), K.variable(1.0)
    run = K.function([x], [K.sum(x)], updates=[K.update_add(total, K.sum(x)), (total, K.mean(x))])
    assert K.get_value(total) == 1.0
    run([np.full((2, 4), 3.0)])
    assert K.get_value(total) == 3.0


def test_gradients_by_inputs_weights_and_outputs_of_layers():
    x = Input((4,))
    hidden = Dense(3)
    middle = hidden(x)
    loss = K.sum(K.square(middle))
    found = K.function([x], [middle, *K.gradients(loss, [x, middle, hidden.kernel])])([X])
    kernel = hidden.get_weights()[0]
    np.testing.assert_allclose(found[2], 2 * found[0], rtol=1e-5)
    np.testing.assert_allclose(found[1], 2 * found[0] @ kernel.T, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[3], 2 * X.T @ found[0], rtol=1e-4, atol=1e-5)


def test_random_tensors_with_a_seed_are_the_same_again():
    for make in (K.random_normal, K.random_uniform, K.truncated_normal):
        assert np.array_equal(K.eval(make((3, 2), seed=5)), K.eval(make((3, 2), seed=5)))
    assert K.eval(K.random_binomial((1000,), p=0.3)).mean() == pytest.approx(0.3, abs=0.1)
    assert np.abs(K.eval(K.truncated_normal((1000,)))).max() <= 2


def test_placeholders_and_keras_tensors_are_told_apart():
    made = K.placeholder((None, 4))
    assert K.is_placeholder(made)
    assert not K.is_placeholder(made * 2)
    assert K.is_keras_tensor(Input((4,)))
    assert not K.is_keras_tensor(made)
    assert not K.is_keras_tensor(Input((4,)) * 2)
    assert not K.is_keras_tensor(K.ones((2,)))
    assert K.int_shape(K.placeholder(ndim=3)) == (None, None, None)
    with pytest.raises(InvalidArgumentError):
        K.is_keras_tensor([1])


def test_sparse_tensors_become_dense():
    sparse = torch.eye(3).to_sparse()
    assert K.is_sparse(sparse)
    np.testing.assert_array_equal(K.eval(K.to_dense(sparse)), np.eye(3))
    np.testing.assert_array_equal(K.eval(K.dot(sparse, K.ones((3, 2)))), np.ones((3, 2)))


def double(x):
    return x * 2


def test_a_lambda_of_a_named_function_is_loaded_with_that_function(tmp_path):
    model = Sequential([Lambda(double, input_shape=(4,)), Dense(1)])
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.h5")
    with pytest.raises(UnknownNameError, match=r"custom_objects=.*double"):
        load_model(tmp_path / "model.h5")
    loaded = load_model(tmp_path / "model.h5", custom_objects={"double": double})
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_the_code_of_a_lambda_is_refused_unless_the_user_says_otherwise(tmp_path):
    model = Sequential([Lambda(lambda x: K.square(x), output_shape=(4,), input_shape=(4,)), Dense(1)])
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.h5")
    with pytest.raises(UnsafeCodeError, match="safe_mode=False"):
        load_model(tmp_path / "model.h5")
    with pytest.raises(UnsafeCodeError):
        model_from_json(model.to_json())
    loaded = load_model(tmp_path / "model.h5", safe_mode=False)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_merge_layers_are_made_again_from_their_configuration():
    x, y = Input((3, 4)), Input((3, 4))
    merged = [layers.add([x, y]), layers.subtract([x, y]), layers.multiply([x, y]), layers.average([x, y])]
    merged += [layers.maximum([x, y]), layers.minimum([x, y]), layers.concatenate([x, y], axis=1)]
    merged += [layers.dot([x, y], axes=(1, 1), normalize=True)]
    model = Model([x, y], merged)
    copy = model_from_json(model.to_json())
    data = [np.random.RandomState(n).rand(2, 3, 4) for n in range(2)]
    for one, other in zip(model.predict(data), copy.predict(data), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("make", [layers.Add, layers.Concatenate, lambda: layers.Dot(1)])
def test_a_merge_layer_needs_several_inputs(make):
    with pytest.raises(GraphError, match="merges at least two inputs"):
        make()(Input((4,)))


def test_shapes_that_cannot_be_merged_are_named():
    with pytest.raises(ShapeError, match=r"\(3, 4\) and \(3, 5\)"):
        layers.add([Input((3, 4)), Input((3, 5))])
    with pytest.raises(ShapeError, match="differ along axis 1 only"):
        layers.concatenate([Input((3, 4)), Input((3, 5))], axis=1)
    with pytest.raises(ShapeError, match="equal sizes along axes 1 and 1"):
        layers.dot([Input((3, 4)), Input((2, 5))], axes=1)
    with pytest.raises(GraphError, match="exactly 2 inputs"):
        layers.subtract([Input((3,)), Input((3,)), Input((3,))])


class Scale(layers.Layer):
    """A layer as of Keras 2's time: a variable of the backend, named as trainable."""

    def build(self, input_shape):
        self.factor = K.variable(np.ones(input_shape[-1]))
        self.trainable_weights = [self.factor]
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.factor


def test_a_variable_of_the_backend_can_be_a_layers_weight():
    layer = Scale(input_shape=(4,))
    model = Sequential([layer, Dense(1)])
    assert len(model.trainable_weights) == 3
    model.compile("sgd", "mse")
    model.train_on_batch(X, np.ones((6, 1)))
    assert not np.array_equal(layer.get_weights()[0], np.ones(4))


def test_a_variable_fixes_the_open_sizes_of_what_it_meets():
    x = K.variable(np.arange(8.0).reshape(4, 2))
    total = K.square(x) + K.placeholder(ndim=2)
    product = K.dot(K.placeholder(ndim=2), x)
    assert (total.shape, product.shape) == ((4, 2), (None, 2))
    y = K.placeholder(ndim=2)
    computed = K.function([y], [x * y], updates=[(x, x * 2)])([np.ones((4, 2))])[0]
    assert np.array_equal(computed, np.arange(8.0).reshape(4, 2))
    assert np.array_equal(K.get_value(x), 2 * np.arange(8.0).reshape(4, 2))
    with pytest.raises(ShapeError, match="cannot be applied"):
        K.dot(K.placeholder((None, 3)), x)


def test_sparse_matrices_are_variables_too():
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.array([[0, 7.0, 0], [2, 0, 0]], "float32")
    variable = K.variable(sparse.csr_matrix(dense))
    assert K.is_sparse(variable)
    assert np.array_equal(K.eval(variable), dense)
    assert np.array_equal(K.eval(K.dot(variable, K.variable(dense.T))), dense @ dense.T)
    joined = K.concatenate([variable, variable])
    assert K.is_sparse(joined)
    assert np.array_equal(K.eval(joined), np.hstack([dense, dense]))


def test_inputs_of_sparse_data_are_made_dense():
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.float32([[0, 1, 0], [2, 0, 0]])
    x = Input((3,), sparse=True)
    model = Model(x, Dense(2, kernel_initializer="ones")(x))
    assert model.get_config()["layers"][0]["config"]["sparse"] is True
    model.compile("sgd", "mse")
    wanted = [[1, 1], [2, 2]]
    np.testing.assert_array_equal(model.predict(sparse.csr_matrix(dense)), wanted)
    np.testing.assert_array_equal(K.function([x], [model(x)])([sparse.csr_matrix(dense)])[0], wanted)
    assert model.fit(sparse.csr_matrix(dense), np.array(wanted), verbose=0).history["loss"] == [0]


def test_losses_and_metrics_take_symbolic_tensors():
    y, p = Input((3,)), Input((3,))
    found = K.function([y, p], [losses.mean_squared_error(y, p), K.mean(metrics.categorical_accuracy(y, p))])(
        [np.eye(3), np.eye(3)[::-1].copy()]
    )
    np.testing.assert_allclose(found[0], [2 / 3, 0, 2 / 3], rtol=1e-6)
    assert found[1] == pytest.approx(1 / 3)


def test_a_relu_with_a_ceiling_has_a_floor_of_0_unless_below_its_threshold():
    x = torch.tensor([-3.0, -0.3, 0.2, 7.0])
    expected = torch.tensor([-0.02, 0.0, 0.2, 5.0])  # of Keras 2.2.4
    torch.testing.assert_close(K.relu(x, alpha=0.1, max_value=5.0, threshold=-2.8), expected)


def test_dropout_of_everything_or_of_less_than_nothing_is_refused():
    for level in (-0.5, 1.0):
        with pytest.raises(InvalidArgumentError, match="level"):
            K.dropout(torch.ones(2), level)


def test_a_bias_with_places_is_read_as_keras_reads_it():
    bias = torch.arange(6.0).reshape(2, 3)  # (places, channels)
    added = K.bias_add(torch.zeros(1, 3, 2), bias, "channels_first")
    assert added[0].tolist() == [[0, 1], [2, 3], [4, 5]]


def test_products_of_many_axes_take_the_first_ones_as_the_batch():
    x, y = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 5, 6)
    torch.testing.assert_close(K.batch_dot(x, y, (3, 2)), x @ y)
    torch.testing.assert_close(K.batch_dot(x, y.transpose(2, 3), (3, 3)), x @ y)
    torch.testing.assert_close(K.batch_dot(x[:, :, 0], y, (2, 2)), (x @ y)[:, :, 0])
    inputs = [Input((3, 4, 5)), Input((3, 5, 6))]
    product = layers.Dot((3, 2))(inputs)
    assert product.shape == (None, 3, 4, 6)
    np.testing.assert_allclose(Model(inputs, product).predict([x, y]), x @ y, rtol=1e-5)


@pytest.mark.parametrize(
    ("unroll", "outputs"),
    [
        (False, [[10.0, 20.0], [26.0, 48.0], [13.0, 24.0]]),
        (True, [[0.0, 0.0], [26.0, 48.0], [26.0, 48.0]]),
    ],
)
def test_masked_steps_of_rnn_put_out_the_first_state_unless_unrolled(unroll, outputs):
    # Recorded from Keras 2.2.4.
    def step(inputs, states):
        new = inputs + states[0]
        return 2 * new, [new]

    x, mask = K.constant([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]), K.constant([[0, 1, 0]])
    last, found, states = K.rnn(step, x, [K.constant([[10.0, 20.0]])], mask=mask, unroll=unroll)
    assert found[0].tolist() == outputs
    assert last[0].tolist() == outputs[-1]
    assert states[0].tolist() == [[13.0, 24.0]]


# Formulas of variables.


def test_functions_of_variables_follow_later_values():
    v = K.variable([1.0, 2.0])
    square, difference, part = K.square(v), 1.0 - 2.0 * v, v[1]
    run = K.function([], [square, difference, part])
    assert [one.tolist() for one in run([])] == [[1, 4], [-1, -3], 2]
    K.set_value(v, [3.0, 4.0])
    assert [one.tolist() for one in run([])] == [[9, 16], [-5, -7], 4]
    assert K.eval(square).tolist() == [9, 16] == K.get_value(square).tolist()
    assert K.eval(K.gradients(K.sum(square), [v])[0]).tolist() == [6, 8]


def test_variables_change_when_updates_are_computed_and_not_before():
    v, count, x = K.variable([1.0, 2.0]), K.variable(0, dtype="int64"), K.placeholder((2,))
    updates = [K.update_add(v, x), K.update_sub(v, 0.5), K.update_add(count, 1)]
    run = K.function([x], [K.sum(v)], updates=updates)
    assert K.eval(v).tolist() == [1, 2]
    assert [float(run([[1, 1]])[0]) for _ in range(2)] == [3, 4]
    assert K.eval(v).tolist() == [2, 3]
    assert K.eval(count) == 2


def test_random_tensors_are_drawn_at_each_evaluation():
    plain, seeded = K.random_uniform((4,)), K.random_normal((4,), seed=3)
    assert not np.array_equal(K.eval(plain), K.eval(plain))
    first = K.eval(seeded)
    assert not np.array_equal(first, K.eval(seeded))
    assert np.array_equal(first, K.eval(K.random_normal((4,), seed=3)))


def test_layers_called_on_variables_follow_them():
    v = K.variable(np.ones((4, 2)))
    layer = Dense(1, use_bias=False, activity_regularizer="l2")
    y = layer(v)
    assert K.int_shape(y) == (4, 1)
    assert len(layer.get_losses_for(v)) == 1
    K.set_value(v, np.full((4, 2), 2.0))
    np.testing.assert_allclose(K.eval(y), np.full((4, 2), 2.0) @ layer.get_weights()[0], rtol=1e-6)


def test_losses_and_lambdas_use_what_a_formula_gives_by_then():
    factor = K.variable(2.0)
    square, doubled = K.square(factor), Lambda(lambda x: 2 * x)
    x = Input((2,))
    model = Model(x, Lambda(lambda one: one * square)(doubled(x)))
    model.compile("sgd", lambda true, predicted: (1 - factor) * K.mean(K.square(true - predicted)))
    data = np.ones((3, 2), "float32")
    assert model.predict(data)[0, 0] == 8
    assert model.evaluate(data, data, verbose=0) == -49
    K.set_value(factor, 3.0)
    assert model.predict(data)[0, 0] == 18
    assert model.evaluate(data, data, verbose=0) == -2 * 17**2


def test_a_layer_s_own_loss_may_depend_on_its_weights_and_a_variable():
    layer, factor = Dense(1, input_shape=(2,)), K.variable(0.0)
    model = Sequential([layer])
    layer.add_loss(factor * K.sum(K.square(layer.kernel)))
    model.compile("sgd", "mse")
    x, y = np.zeros((2, 2)), np.zeros((2, 1))
    assert model.evaluate(x, y, verbose=0) == 0
    K.set_value(factor, 10.0)
    expected = 10 * np.square(layer.get_weights()[0]).sum()
    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-6)
    model.fit(x, y, verbose=0, epochs=2)
    assert np.square(layer.get_weights()[0]).sum() < expected / 10


def test_functions_that_rnn_and_folds_apply_may_bring_symbolic_tensors_along():
    x, kernel, state = K.placeholder(ndim=3), K.placeholder((2, 2)), K.placeholder((1, 2))

    def step(inputs, states):
        output = inputs + K.dot(states[0], kernel)
        return output, [output]

    last = K.rnn(step, x, [state])[0]
    doubled = K.map_fn(lambda one: one * kernel, K.stack([kernel, kernel]))
    gradient = K.gradients(K.sum(last), [kernel])[0]
    found = K.function([x, state, kernel], [last, doubled, gradient])
    values = found([np.ones((1, 3, 2)), np.ones((1, 2)), 2 * np.eye(2)])
    np.testing.assert_allclose(values[0], [[15, 15]])
    np.testing.assert_allclose(values[1], 4 * np.stack([np.eye(2)] * 2))
    np.testing.assert_allclose(values[2], np.full((2, 2), 17))


def test_windows_larger_than_the_smallest_sizes_fit_open_axes():
    x = Input((None, None, 3))
    assert Lambda(lambda one: K.pool2d(one, (5, 64)))(x).shape == (None, None, None, 3)
    model = Model(x, layers.MaxPooling2D(5)(layers.Conv2D(2, 7)(x)))
    assert (model.losses, model.uses_learning_phase) == ([], False)
    steps = Input((None, 6))
    assert Model(steps, layers.Reshape((24,))(steps)).losses == []


def test_variables_can_be_shown_and_made_numbers_of():
    assert repr(K.variable([[1.0, 2.0], [3.0, 4.0]])).startswith("Parameter containing:\n")
    assert (float(K.variable(2.5)), int(K.variable(2))) == (2.5, 2)


class _Joined(layers.Layer):
    """Computes with formulas of its weights that `build` makes."""

    def build(self, input_shape):
        self.a = self.add_weight("a", (3, 1), initializer="ones")
        self.b = self.add_weight("b", (3, 1), initializer="ones")
        self.kernel = K.l2_normalize(K.concatenate([self.a, self.b]), axis=0)
        self.scale = K.variable(2.0) * K.sum(self.a)
        super().build(input_shape)

    def call(self, inputs):
        return K.dot(inputs, self.kernel) * self.scale

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2)


def test_formulas_of_weights_made_in_build_are_trained_through():
    model = Sequential([_Joined(input_shape=(3,)), Dense(1, kernel_initializer="ones")])
    model.compile(optimizers.SGD(0.01), "mse")
    x = np.random.RandomState(0).normal(size=(8, 3))
    losses = [model.train_on_batch(x, x.sum(1, keepdims=True)) for _ in range(4)]
    # Recorded from Keras 2.2.4.
    np.testing.assert_allclose(losses, [170.31204, 6.44998, 3.47812, 1.81569], rtol=1e-5)


def test_a_variable_that_a_callback_changes_weighs_losses_anew():
    beta, x = K.variable(0.0), Input((3,))
    hidden = Dense(2, kernel_initializer="ones")(x)
    model = Model(x, Dense(1, kernel_initializer="ones")(hidden))
    model.add_loss((1 - beta) * K.mean(K.square(hidden)) + beta * K.mean(K.abs(hidden)))
    model.compile(optimizers.SGD(0.001), "mse")
    data = np.random.RandomState(0).normal(size=(8, 3))
    anneal = LambdaCallback(on_epoch_begin=lambda epoch, logs: K.set_value(beta, epoch / 2))
    history = model.fit(
        data, data.sum(1, keepdims=True), epochs=3, batch_size=8, verbose=0, callbacks=[anneal]
    )
    # Recorded from Keras 2.2.4.
    np.testing.assert_allclose(history.history["loss"], [9.6924, 7.9211, 6.2308], rtol=1e-4)
