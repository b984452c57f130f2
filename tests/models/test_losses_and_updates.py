"""Losses and updates of layers and models: what there is, and what training makes of it."""

import numpy as np
import pytest
import torch

from batchyard.models import Input, Model, Sequential
from batchyard.models import backend as K
from batchyard.models.errors import DataError, GraphError, InvalidArgumentError, InvalidTypeError
from batchyard.models.layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Lambda,
    Layer,
    TimeDistributed,
    add,
)

X = np.random.RandomState(0).uniform(-1, 1, (8, 3)).astype("float32")


def doubled_dense(**arguments):
    return Dense(2, kernel_initializer="ones", use_bias=False, **arguments)


def test_a_symbolic_loss_of_a_model_is_what_training_minimizes():
    x = Input((3,))
    y = doubled_dense()(x)
    model = Model(x, y)
    model.add_loss(K.mean(K.square(y)))
    model.compile("sgd")
    assert model.metrics_names == ["loss"]
    expected = np.mean(X.sum(1) ** 2)
    assert model.evaluate(X, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert model.train_on_batch(X, None) == pytest.approx(expected, rel=1e-5)
    # d/dw of mean over 8 rows and 2 columns of (x w)^2, at w = 1
    step = 0.01 * (2 * X * X.sum(1, keepdims=True)).sum(0) / 16
    np.testing.assert_allclose(model.get_weights()[0], np.stack([1 - step] * 2, 1), rtol=1e-5)
    history = model.fit(X, epochs=3, verbose=0).history["loss"]
    assert history[2] < history[0] < expected


def test_a_symbolic_loss_has_the_same_bits_in_any_number_of_lanes_of_equal_rows():
    def trained(lanes):
        x = Input((3,))
        y = doubled_dense()(x)
        model = Model(x, y)
        model.add_loss(K.mean(K.square(y)))
        model.compile("sgd")
        model.fit(X, epochs=2, verbose=0, shuffle=False, lanes=lanes)
        return model.get_weights()[0]

    np.testing.assert_allclose(trained(4), trained(1), rtol=1e-6)


def test_a_symbolic_loss_is_added_to_the_loss_with_targets():
    x = Input((3,))
    y = doubled_dense()(x)
    model = Model(x, y)
    model.add_loss(K.mean(y) * 0.5)
    model.compile("sgd", "mse", metrics=["mae"])
    loss, mae = model.evaluate(X, np.zeros((8, 2)), verbose=0)
    assert loss == pytest.approx(np.mean(X.sum(1) ** 2) + 0.5 * X.sum(1).mean(), rel=1e-5)
    assert mae == pytest.approx(np.abs(X.sum(1)).mean(), rel=1e-5)


def test_the_loss_of_an_inner_model_counts_where_that_is_called():
    x = Input((3,))
    y = doubled_dense()(x)
    inner = Model(x, y)
    inner.add_loss(K.mean(y))
    z = Input((3,))
    outer = Model(z, inner(Lambda(lambda t: 2 * t)(z)))
    outer.compile("sgd")
    assert outer.evaluate(X, verbose=0) == pytest.approx(2 * X.sum(1).mean(), rel=1e-5)
    assert len(outer.losses) == 1


def test_a_loss_of_another_graph_is_refused():
    x, other = Input((3,)), Input((3,))
    model = Model(x, Dense(1)(x))
    with pytest.raises(GraphError, match="disconnected"):
        model.add_loss(K.mean(Dense(1)(other)))
    assert model.losses == []


def test_a_model_without_any_loss_is_refused_and_targets_that_nobody_wants():
    x = Input((3,))
    y = Dense(2)(x)
    with pytest.raises(InvalidArgumentError, match="no loss to optimize"):
        Model(x, y).compile("sgd")
    model = Model(x, y)
    model.add_loss(K.mean(y))
    model.compile("sgd")
    with pytest.raises(DataError, match="takes no targets"):
        model.fit(X, np.ones((8, 2)), verbose=0)


def test_losses_are_told_by_their_inputs():
    layer = Dense(2, kernel_regularizer="l2", activity_regularizer="l1")
    a, b = Input((3,)), Input((3,))
    layer(a), layer(b)
    assert len(layer.get_losses_for(None)) == 1
    assert len(layer.get_losses_for(a)) == len(layer.get_losses_for(b)) == 1
    assert layer.get_losses_for(Input((3,))) == []
    layer.add_loss(3.0)
    layer.add_loss(4.0, inputs=a)
    assert layer.get_losses_for(None)[1:] == [3.0]
    assert layer.get_losses_for(a)[0] == 4.0
    assert len(layer.losses) == 5


def test_a_shared_layer_is_penalized_once_and_its_activity_at_each_call():
    layer = Dense(2, kernel_regularizer="l1", activity_regularizer="l1", kernel_initializer="ones")
    a, b = Input((3,)), Input((3,))
    model = Model([a, b], add([layer(a), layer(b)]))
    assert len(model.losses) == 3
    model.compile("sgd")
    expected = 0.01 * (6 + 2 * np.abs(X.sum(1)).sum() + 2 * np.abs(2 * X.sum(1)).sum())
    assert model.evaluate([X, 2 * X], verbose=0) == pytest.approx(expected, rel=1e-5)


def test_losses_can_be_computed_by_a_function():
    x = Input((3,))
    y = doubled_dense(activity_regularizer="l2")(x)
    model = Model(x, y)
    (loss,) = model.losses
    (found,) = K.function([x], [loss])([X])
    assert found == pytest.approx(0.02 * np.square(X.sum(1)).sum(), rel=1e-5)


class Shrinking(Layer):
    """Tells a loss within its call."""

    def call(self, inputs):
        self.add_loss(K.mean(K.square(inputs)), inputs=inputs)
        return inputs


def test_a_loss_told_within_a_call_is_listed_and_minimized():
    model = Sequential([doubled_dense(input_shape=(3,)), Shrinking()])
    assert len(model.losses) == 1
    assert len(model.layers[1].get_losses_for(model.layers[0].output)) == 1
    model.compile("sgd")
    assert model.train_on_batch(X, None) == pytest.approx(np.mean(X.sum(1) ** 2), rel=1e-5)
    assert (model.get_weights()[0] != 1).any()


def test_updates_are_those_of_layers_that_are_not_frozen():
    layer = BatchNormalization()
    model = Sequential([layer, Dense(1)])
    model.build((None, 3))
    assert len(model.updates) == 2
    assert len(layer.get_updates_for(model.input)) == 2
    assert layer.get_updates_for(None) == []
    layer.trainable = False
    assert layer.updates == model.updates == []
    layer.trainable, model.trainable = True, False
    assert model.updates == []


def test_an_update_is_made_by_a_function_that_was_given_it():
    model = Sequential([BatchNormalization(input_shape=(3,), momentum=0.5)])
    before = model.layers[0].get_weights()[2]
    K.function([model.input], [], updates=model.updates)([X])
    moving = model.layers[0].get_weights()[2]
    np.testing.assert_allclose(moving, 0.5 * before + 0.5 * X.mean(0), rtol=1e-5)


@pytest.mark.parametrize("freeze", ["the layer", "the inner model"])
def test_a_frozen_layer_keeps_its_moving_averages(freeze):
    inner = Sequential([BatchNormalization(input_shape=(3,))])
    model = Sequential([inner, Dense(1)])
    (inner.layers[0] if freeze == "the layer" else inner).trainable = False
    model.compile("sgd", "mse")
    before = inner.get_weights()
    model.fit(X, np.ones((8, 1)), verbose=0)
    for one, other in zip(inner.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    inner.trainable = inner.layers[0].trainable = True
    model.compile("sgd", "mse")
    model.fit(X, np.ones((8, 1)), verbose=0)
    assert (inner.get_weights()[2] != before[2]).all()


class Running(Layer):
    """Keeps the mean of what it has seen, as custom layers of Keras 2's time do."""

    def __init__(self, way, **arguments):
        self.way = way
        super().__init__(**arguments)

    def build(self, input_shape):
        self.mean = self.add_weight("mean", input_shape[1:], initializer="zeros", trainable=False)
        super().build(input_shape)

    def call(self, inputs):
        new = K.mean(inputs, axis=0)
        if self.way == "moving average":
            self.add_update([K.moving_average_update(self.mean, new, 0.5)], inputs)
        elif self.way == "update":
            self.add_update(K.update(self.mean, (self.mean + new) / 2), inputs)
        else:
            self.add_update((self.mean, (self.mean + new) / 2), inputs)
        return inputs - self.mean


@pytest.mark.parametrize("way", ["moving average", "update", "pair"])
@pytest.mark.parametrize("lanes", [1, 4])
def test_an_update_within_a_call_is_made_once_a_step_and_by_training_only(way, lanes):
    layer = Running(way, input_shape=(3,))
    model = Sequential([layer, Dense(1)])
    assert len(layer.updates) == 1
    model.compile("sgd", "mse")
    model.predict(X)
    model.evaluate(X, np.ones((8, 1)), verbose=0)
    np.testing.assert_array_equal(layer.get_weights()[0], np.zeros(3))
    model.fit(X, np.ones((8, 1)), epochs=2, batch_size=8, verbose=0, lanes=lanes)
    np.testing.assert_allclose(layer.get_weights()[0], 0.75 * X.mean(0), rtol=1e-5)


def test_a_symbolic_update_of_a_model_is_made_by_training():
    x = Input((3,))
    y = Dense(1)(x)
    model = Model(x, y)
    seen = K.variable(np.zeros(3))
    model.add_update(K.update(seen, K.mean(x, axis=0)), inputs=x)
    model.compile("sgd", "mse")
    model.evaluate(X, np.ones((8, 1)), verbose=0)
    assert not K.get_value(seen).any()
    model.train_on_batch(X, np.ones((8, 1)))
    np.testing.assert_allclose(K.get_value(seen), X.mean(0), rtol=1e-5)


def test_what_depends_on_the_phase_of_learning_is_known():
    x = Input((4, 3))
    assert not Dense(2)(x)._uses_learning_phase
    dropped = Dropout(0.5)(x)
    assert dropped._uses_learning_phase
    assert Activation("relu")(dropped)._uses_learning_phase
    assert not Dropout(0.5)(x, training=True)._uses_learning_phase
    assert TimeDistributed(BatchNormalization())(x)._uses_learning_phase
    assert Model(x, dropped).uses_learning_phase
    assert Lambda(lambda t: K.in_train_phase(t, 2 * t))(x)._uses_learning_phase


def test_the_trials_that_find_all_this_draw_no_random_numbers():
    x = Input((3,))
    model = Model(x, Dropout(0.5)(Dense(2)(x)))
    before = torch.get_rng_state()
    assert model.uses_learning_phase
    assert model.losses == model.updates == []
    assert torch.equal(torch.get_rng_state(), before)


def test_targets_can_be_fixed_at_compile():
    target = K.variable(np.ones((8, 2)))
    model = Sequential([doubled_dense(input_shape=(3,))])
    model.compile("sgd", "mse", target_tensors=target)
    assert model.evaluate(X, verbose=0) == pytest.approx(np.mean((X.sum(1) - 1) ** 2), rel=1e-5)
    with pytest.raises(DataError, match="takes no targets"):
        model.train_on_batch(X, np.ones((8, 2)))
    with pytest.raises(InvalidTypeError, match="must be a tensor, a list"):
        model.compile("sgd", "mse", target_tensors="ones")


def test_an_input_can_bring_its_tensor_along():
    a, b = Input(tensor=torch.from_numpy(X)), Input((3,))
    model = Model([a, b], add([a, b]))
    assert model._feed_input_names == [b._keras_history.layer.name]
    np.testing.assert_allclose(model.predict(X), 2 * X, rtol=1e-6)
    alone = Model(a, doubled_dense()(a))
    alone.compile("sgd", "mse")
    np.testing.assert_allclose(alone.predict(None)[:, 0], X.sum(1), rtol=1e-5)
    alone.fit(None, np.ones((8, 2)), verbose=0)
