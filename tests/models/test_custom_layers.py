"""Layers, losses and models as Keras 2's documentation has users write them."""

import copy
import pickle

import numpy as np
import pytest
import torch

from batchyard.models import Input, Model, Sequential, clone_model, load_model, model_from_json
from batchyard.models import backend as K
from batchyard.models.backend import learning_phase_scope
from batchyard.models.errors import (
    GraphError,
    InvalidArgumentError,
    NoSingleCallError,
    NotBuiltError,
    NotSerializableError,
    SubclassedModelError,
    UnsafeCodeError,
)
from batchyard.models.layers import (
    BatchNormalization,
    Dense,
    Dropout,
    Embedding,
    InputSpec,
    Lambda,
    Layer,
    concatenate,
)

X = np.random.RandomState(0).uniform(-1, 1, (8, 3)).astype("float32")
Y = np.ones((8, 2), "float32")


class Linear(Layer):
    def __init__(self, output_dim, **kwargs):
        self.output_dim = output_dim
        super(Linear, self).__init__(**kwargs)  # noqa: UP008 - as in Keras's time
        self.input_spec = InputSpec(ndim=2)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[1], self.output_dim), initializer="ones", trainable=True
        )
        super(Linear, self).build(input_shape)  # noqa: UP008

    def call(self, x):
        return K.dot(x, self.kernel)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.output_dim)

    def get_config(self):
        return {**super().get_config(), "output_dim": self.output_dim}


class Residual(Layer):
    """Calls other layers, which it makes in its constructor."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner = torch.nn.ModuleList([Dense(units, activation="tanh"), Dense(units)])
        self.norm = BatchNormalization()

    def call(self, x, training=None):
        y = x
        for layer in self.inner:
            y = layer(y)
        return x + self.norm(y, training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Weighted(Layer):
    """Has two inputs, an argument that is a tensor, and ends masks."""

    def call(self, inputs, scale=None, mask=None):
        first, second = inputs
        result = first + second
        if mask is not None and mask[0] is not None:
            result = result * K.expand_dims(K.cast(mask[0], "float32"))
        return result if scale is None else result * scale

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def compute_mask(self, inputs, mask=None):
        return None


def test_a_layer_of_the_guide_trains_saves_and_loads(tmp_path):
    model = Sequential([Linear(2, input_shape=(3,), name="linear"), Dense(2)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert model.weights[0].keras_name == "linear/kernel:0"
    model.save(tmp_path / "m.h5")
    again = load_model(tmp_path / "m.h5", {"Linear": Linear})
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    rebuilt = model_from_json(model.to_json(), {"Linear": Linear})
    assert rebuilt.output_shape == (None, 2)
    np.testing.assert_allclose(Linear(1)(torch.from_numpy(X)).detach()[:, 0], X.sum(1), rtol=1e-5)


def test_layers_within_a_layer_are_built_trained_and_counted_with_it():
    x = Input((3,))
    block = Residual(3)
    model = Model(x, Dense(2)(block(x)))
    assert len(block.trainable_weights) == 6
    assert len(block.weights) == 8
    before = block.get_weights()
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=2, verbose=0)
    for old, new in zip(before[:4], block.get_weights()[:4], strict=True):
        assert (old != new).any()
    assert (block.norm.get_weights()[2] != 0).any()
    assert len(block.updates) == 2


def test_a_symbolic_tensor_can_be_a_keyword_argument():
    a, b, scale = Input((3,)), Input((3,)), Input((1,))
    layer = Weighted()
    model = Model([a, b, scale], layer([a, b], scale=scale))
    ones = np.full((8, 1), 2, "float32")
    np.testing.assert_allclose(model.predict([X, X, ones]), 4 * X, rtol=1e-6)
    assert layer.input == [a, b]
    assert len(layer._inbound_nodes[0].inbound_layers) == 3
    with pytest.raises(NotSerializableError, match=r"Pass all of them as one list"):
        model.to_json()


def test_a_mask_can_be_given_as_a_tensor():
    numbers, masking = Input((4,)), Input((4,), dtype="bool")
    vectors = Embedding(5, 3)(numbers)
    model = Model([numbers, masking], Weighted()([vectors, vectors], mask=[masking, None]))
    given, mask = np.array([[1, 2, 3, 4]]), np.array([[True, False, True, False]])
    found = model.predict([given, mask])
    assert (found[0, [1, 3]] == 0).all()
    assert (found[0, [0, 2]] != 0).all()


@pytest.mark.parametrize("output_shape", [None, (3,)])
def test_a_function_may_use_symbolic_tensors_from_outside(output_shape):
    a, b = Input((3,)), Input((3,))
    other = Dense(3, kernel_initializer="ones", use_bias=False)(b)
    y = Lambda(lambda t: t + K.square(other), output_shape=output_shape)(a)
    model = Model([a, b], y)
    expected = X + np.square(X.sum(1, keepdims=True))
    np.testing.assert_allclose(model.predict([X, X]), expected, rtol=1e-5)
    model.compile("sgd", "mse")
    model.fit([X, X], X, verbose=0)
    assert (model.get_weights()[0] != 1).any()
    with pytest.raises(GraphError, match="disconnected"):
        Model(a, y)
    with pytest.raises(NotSerializableError, match="one list"):
        model.get_config()


def test_an_operation_outside_of_any_layer_computes_but_is_not_saved():
    x = Input((3,))
    model = Model(x, K.sqrt(K.square(x)) * 2)
    np.testing.assert_allclose(model.predict(X), 2 * np.abs(X), rtol=1e-5)
    with pytest.raises(NotSerializableError, match="Put it into a Lambda layer with a named function"):
        model.to_json()


def test_losses_and_metrics_are_functions_of_tensors():
    def huber(y_true, y_pred):
        error = K.abs(y_true - y_pred)
        return K.mean(K.switch(K.less(error, 1.0), 0.5 * K.square(error), error - 0.5), axis=-1)

    def largest(y_true, y_pred):
        return K.max(K.abs(y_true - y_pred), axis=-1)

    model = Sequential([Linear(2, input_shape=(3,))])
    model.compile("sgd", huber, metrics=[largest])
    error = np.abs(1 - np.repeat(X.sum(1, keepdims=True), 2, 1))
    expected = np.where(error < 1, 0.5 * error**2, error - 0.5).mean()
    assert model.evaluate(X, Y, verbose=0) == pytest.approx([expected, error.max(1).mean()], rel=1e-5)
    assert model.metrics_names == ["loss", "largest"]


def test_a_layer_called_twice_has_no_single_input():
    layer = Dense(2, name="twice")
    a, b = Input((3,)), Input((3,))
    outputs = layer(a), layer(b)
    for name in ("input", "output", "input_mask", "output_mask"):
        with pytest.raises(NoSingleCallError, match=f"twice has several values of {name}.*get_{name}_at"):
            getattr(layer, name)
    assert not hasattr(layer, "input")
    assert (layer.get_output_at(0), layer.get_output_at(1)) == outputs
    assert layer.input_shape == (None, 3)
    with pytest.raises(AttributeError, match="never called"):
        Dense(2).input  # noqa: B018


def test_calls_are_described_as_in_keras():
    x = Input((3,), name="x")
    layer = Dense(2, name="dense")
    y = layer(x)
    begin, node = x._keras_history.layer._inbound_nodes[0], layer._inbound_nodes[0]
    assert (begin.input_tensors, begin.inbound_layers, begin.output_masks) == ([x], [], [None])
    assert (node.input_shapes, node.output_shapes) == ([(None, 3)], [(None, 2)])
    assert node.get_config() == {
        "outbound_layer": "dense",
        "inbound_layers": ["x"],
        "node_indices": [0],
        "tensor_indices": [0],
    }
    model = Model(x, y)
    assert [layer.name for layer in model._input_layers + model._output_layers] == ["x", "dense"]
    assert {d: [one.name for one in found] for d, found in model._layers_by_depth.items()} == {
        0: ["dense"],
        1: ["x"],
    }


# Clones.


def test_a_clone_has_new_layers_connected_in_the_same_way():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    shared = Residual(3, name="shared")
    inner = Sequential([Dense(2, input_shape=(6,), name="last")], name="inner")
    scaled = Lambda(lambda t: 2 * t)(concatenate([shared(a), shared(b)]))
    model = Model([a, b], inner(scaled), name="model")
    clone = clone_model(model)
    assert (clone.name, clone.input_names) == ("model", ["a", "b"])
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    assert not {id(layer) for layer in clone.layers} & {id(layer) for layer in model.layers}
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict([X, 2 * X]), model.predict([X, 2 * X]))
    clone.compile("sgd", "mse")
    clone.fit([X, X], Y, verbose=0)
    assert (clone.get_weights()[0] != model.get_weights()[0]).any()


def test_a_clone_can_begin_with_other_tensors():
    model = Sequential([Dense(2, input_shape=(3,)), TimeDistributedFree()])
    x = Input((3,), name="x")
    assert clone_model(model, x).input_names == ["x"]
    fed = clone_model(model, torch.from_numpy(X))
    fed.set_weights(model.get_weights())
    np.testing.assert_array_equal(fed.predict(None), model.predict(X))
    waiting = clone_model(Sequential([Dense(2)]))
    assert not waiting.built
    with pytest.raises(InvalidArgumentError, match="needs a model"):
        clone_model(Dense(2))
    with pytest.raises(InvalidArgumentError, match="has one input"):
        clone_model(model, [x, x])
    with pytest.raises(InvalidArgumentError, match="one input tensor per input"):
        clone_model(Model(x, Dense(1)(x)), [x, x])


class TimeDistributedFree(Layer):
    def call(self, inputs):
        return inputs


# Models that are classes.


class TwoLayers(Model):
    def __init__(self, units=2):
        super().__init__(name="two")
        self.first = Dense(4, activation="relu", kernel_regularizer="l2")
        self.dropout = Dropout(0.5)
        self.last = Dense(units)

    def call(self, inputs):
        return self.last(self.dropout(self.first(inputs)))


def test_a_model_of_its_own_class_trains_like_the_same_graph(tmp_path):
    model, x = TwoLayers(), Input((3,))
    model.compile("adam", "mse", metrics=["mae"])
    assert not model.built
    model.fit(X, Y, epochs=2, verbose=0)
    assert [layer.name for layer in model.layers] == [
        model.first.name,
        model.dropout.name,
        model.last.name,
    ]
    assert (model.input_names, model.output_names) == (["input_1"], ["output_1"])
    assert model.metrics_names == ["loss", "mean_absolute_error"]
    graph = Model(x, model.last(model.dropout(model.first(x))))
    np.testing.assert_array_equal(graph.predict(X), model.predict(X))
    graph.compile("adam", "mse", metrics=["mae"])
    assert graph.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    model.save_weights(tmp_path / "w.h5")
    other = TwoLayers()
    other.build((None, 3))
    other.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_a_model_of_its_own_class_is_not_described():
    model = TwoLayers()
    with pytest.raises(NotBuiltError, match="Call build"):
        model.summary()
    model.build((None, 3))
    for describe in (model.get_config, model.to_json, lambda: model.save("never.h5")):
        with pytest.raises(SubclassedModelError, match="save_weights"):
            describe()
        with pytest.raises(NotImplementedError):
            describe()
    lines = []
    model.summary(print_fn=lines.append)
    assert any("two" in str(line) or "dense" in str(line) for line in lines)
    assert "Total params: 26" in lines


def test_a_model_of_its_own_class_is_a_layer_of_another_one_and_has_lanes():
    inner, x = TwoLayers(), Input((3,))
    model = Model(x, Dense(2)(inner(x)))
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0, lanes=2)
    assert len(model.trainable_weights) == 6
    assert len(model.losses) == 1


def test_layers_that_nobody_would_find_are_refused():
    class Hidden(Model):
        def __init__(self):
            super().__init__()
            self.blocks = [Dense(2)]

        def call(self, inputs):
            return self.blocks[0](inputs)

    with pytest.raises(InvalidArgumentError, match=r"self.blocks of Hidden are in a list.*ModuleList"):
        Hidden().build((None, 3))
    with pytest.raises(InvalidArgumentError, match="needs inputs and outputs, or a class of its own"):
        Model()


# Pickles.


def named(t):
    return 2 * t


def squared(y_true, y_pred):
    return K.mean(K.square(y_true - y_pred), axis=-1)


@pytest.mark.parametrize("way", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_pickled_model_goes_on_training_with_the_same_bits(way):
    model = Sequential([Linear(4, input_shape=(3,)), Lambda(named), *[Dense(4) for _ in range(100)]])
    model.compile("adam", squared, metrics=["mae"])
    model.fit(X, np.ones((8, 4)), verbose=0)
    copied = way(model)
    for one in (model, copied):
        one.fit(X, np.ones((8, 4)), verbose=0, shuffle=False)
    for mine, theirs in zip(model.get_weights(), copied.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_code_in_a_pickle_does_not_run():
    model = Sequential([Lambda(lambda t: 2 * t, input_shape=(3,))])
    np.testing.assert_array_equal(copy.deepcopy(model).predict(X), model.predict(X))
    with pytest.raises(UnsafeCodeError, match="give the function a name"):
        pickle.loads(pickle.dumps(model))


def test_a_model_that_is_not_built_or_is_a_class_is_pickled_too():
    waiting = pickle.loads(pickle.dumps(Sequential([Dense(2, name="dense")])))
    assert [layer.name for layer in waiting.layers] == ["dense"]
    model = TwoLayers()
    model.build((None, 3))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert copy.deepcopy(model).predict(X).shape == (8, 2)


def test_a_layers_call_works_on_symbolic_tensors_outside_of_the_graph():
    x = Input((3,))
    layer = Linear(2)
    layer(x)
    (found,) = K.function([x], [layer.call(x)])([X])
    np.testing.assert_allclose(found[:, 0], X.sum(1), rtol=1e-5)
    with learning_phase_scope(True):
        assert (Dropout(0.9)(torch.ones(100)) == 0).any()
