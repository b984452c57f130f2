"""Graphs of layers: chains, branches, shared layers, models in models."""

import json

import numpy as np
import pytest
import torch

from batchyard.models import Input, Model, Sequential, backend
from batchyard.models.errors import GraphError, InvalidArgumentError, NotBuiltError, NotCompiledError
from batchyard.models.layers import Activation, BatchNormalization, Conv2D, Dense, Flatten


def branched():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = Dense(3, activation="tanh", name="shared")
    inner_in = Input((3,))
    inner = Model(inner_in, Dense(2, name="inside")(inner_in), name="inner")
    return Model([a, b], [inner(shared(a)), inner(shared(b))], name="outer")


def rows(*shape):
    return np.random.RandomState(0).rand(*shape).astype("float32")


def test_a_graph_computes_what_its_layers_compute():
    model = branched()
    a, b = rows(5, 4), rows(5, 4) + 1
    shared, inner = model.get_layer("shared"), model.get_layer("inner")
    first, second = model.predict([a, b])
    np.testing.assert_allclose(first, inner(shared(torch.from_numpy(a))).detach(), rtol=1e-6)
    np.testing.assert_allclose(second, inner(shared(torch.from_numpy(b))).detach(), rtol=1e-6)


def test_shared_weights_are_listed_once():
    model = branched()
    assert [w.keras_name.split("/")[0] for w in model.weights] == ["shared", "shared", "inside", "inside"]
    assert model.count_params() == 4 * 3 + 3 + 3 * 2 + 2


def test_a_graph_made_from_its_configuration_computes_the_same():
    model = branched()
    config = json.loads(json.dumps(model.get_config()))
    copy = Model.from_config(config)
    copy.set_weights(model.get_weights())
    given = [rows(5, 4), rows(5, 4) + 1]
    for one, other in zip(copy.predict(given), model.predict(given), strict=True):
        np.testing.assert_array_equal(one, other)
    assert copy.get_config() == model.get_config()


def test_the_configuration_has_keras_layout():
    config = branched().get_config()
    assert [layer["name"] for layer in config["layers"]] == ["a", "b", "shared", "inner"]
    assert config["layers"][2]["inbound_nodes"] == [[["a", 0, 0, {}]], [["b", 0, 0, {}]]]
    assert config["layers"][3]["inbound_nodes"] == [[["shared", 0, 0, {}]], [["shared", 1, 0, {}]]]
    assert config["input_layers"] == [["a", 0, 0], ["b", 0, 0]]
    assert config["output_layers"] == [["inner", 1, 0], ["inner", 2, 0]]


def test_outputs_of_the_same_layer_get_names_of_their_own():
    assert branched().output_names == ["inner", "inner_1"]


def test_an_intermediate_output_is_a_model_of_its_own():
    model = Sequential([Dense(3, input_shape=(2,), name="first"), Dense(1)])
    part = Model(inputs=model.input, outputs=model.get_layer("first").output)
    old = Model(input=model.input, output=model.get_layer(index=0).output)
    x = rows(4, 2)
    expected = model.layers[0](torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(part.predict(x), expected, rtol=1e-6)
    np.testing.assert_allclose(old.predict(x), expected, rtol=1e-6)


def test_a_model_is_a_layer_of_another_one():
    inner = Sequential([Dense(3, input_shape=(2,)), BatchNormalization()])
    outer = Sequential([inner, Dense(1)])
    assert outer.input_shape == (None, 2)
    assert len(outer.layers) == 2
    outer.compile("sgd", "mse")
    before = inner.get_weights()
    outer.train_on_batch(rows(4, 2), np.zeros((4, 1)))
    after = inner.get_weights()
    assert all((one != other).any() for one, other in zip(before, after, strict=True))
    config = json.loads(json.dumps(outer.get_config()))
    copy = Sequential.from_config(config)
    copy.set_weights(outer.get_weights())
    np.testing.assert_array_equal(copy.predict(rows(3, 2)), outer.predict(rows(3, 2)))


def test_a_chain_takes_its_shape_from_the_first_data():
    model = Sequential([Dense(3), Dense(1)])
    with pytest.raises(NotCompiledError):
        model.fit(rows(4, 2), np.zeros(4), verbose=0)
    model.compile("sgd", "mse")
    model.fit(rows(4, 2), np.zeros(4), verbose=0)
    assert model.input_shape == (None, 2)
    assert len(model.trainable_weights) == 4


def test_a_chain_without_shape_says_what_it_lacks():
    with pytest.raises(NotBuiltError, match="input_shape"):
        Sequential([Dense(3)]).build()


def test_a_popped_layer_is_gone_and_the_model_trains_on():
    model = Sequential([Dense(3, input_shape=(2,)), Dense(5), Activation("relu")])
    model.compile("sgd", "mse")
    model.pop()
    model.pop()
    assert len(model.layers) == 1
    assert model.output_shape == (None, 3)
    model.fit(rows(4, 2), np.zeros((4, 3)), verbose=0)
    model.add(Dense(1))
    model.fit(rows(4, 2), np.zeros((4, 1)), verbose=0)
    assert model.predict(rows(4, 2)).shape == (4, 1)


def test_popping_the_only_layer_leaves_an_empty_chain():
    model = Sequential([Dense(3, input_shape=(2,))])
    model.pop()
    assert model.layers == []
    with pytest.raises(GraphError, match="has no layers"):
        model.pop()
    model.add(Dense(2, input_shape=(5,)))
    assert model.input_shape == (None, 5)


def test_frozen_weights_are_captured_at_compile():
    x = Input((2,))
    layer = Dense(2)
    layer.trainable = False
    y = layer(x)
    frozen = Model(x, y)
    frozen.compile("sgd", "mse")
    layer.trainable = True
    trainable = Model(x, y)
    trainable.compile("sgd", "mse")
    data, before = (rows(4, 2), np.ones((4, 2))), layer.get_weights()[0]
    with pytest.warns(UserWarning, match="Discrepancy .*0 since compile"):
        frozen.fit(*data, verbose=0)
    np.testing.assert_array_equal(layer.get_weights()[0], before)
    trainable.fit(*data, verbose=0)
    assert (layer.get_weights()[0] != before).all()


def test_a_disconnected_graph_is_refused():
    a, b = Input((2,), name="a"), Input((2,), name="b")
    with pytest.raises(GraphError, match=r"disconnected.*Add the missing Input"):
        Model(a, Dense(1)(b))
    with pytest.raises(GraphError, match="must come from Input"):
        Model(Dense(1)(a), Dense(1)(a))
    with pytest.raises(GraphError, match="must be symbolic"):
        Model(a, torch.ones(1))


def test_two_layers_of_one_name_are_refused():
    x = Input((2,))
    with pytest.raises(GraphError, match="'twin' is used 2 times"):
        Model(x, Dense(1, name="twin")(Dense(1, name="twin")(x)))


def test_a_missing_layer_is_answered_with_those_that_exist():
    with pytest.raises(
        InvalidArgumentError, match=r"no layer named 'head'\. Its layers: a, b, shared, inner"
    ):
        branched().get_layer("head")
    with pytest.raises(InvalidArgumentError, match="no layer at index 9"):
        branched().get_layer(index=9)


def test_a_chain_is_made_of_layers_only():
    with pytest.raises(InvalidArgumentError, match="made of layers"):
        Sequential([np.tanh])


def test_the_summary_lists_layers_shapes_and_weights():
    backend.clear_session()
    model = Sequential([Conv2D(2, 3, input_shape=(5, 5, 1)), BatchNormalization(), Flatten(), Dense(1)])
    lines = []
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "conv2d_1 (Conv2D)            (None, 3, 3, 2)           20" in text
    assert "Total params: 47" in text
    assert "Trainable params: 43" in text
    assert "Non-trainable params: 4" in text
    lines.clear()
    branched().summary(print_fn=lines.append)
    assert any("shared[1][0]" in line for line in lines)


def test_a_deep_chain_needs_no_deep_stack():
    x = y = Input((1,))
    for _ in range(1500):
        y = Activation("linear")(y)
    assert Model(x, y).predict(np.ones((1, 1))) == 1


def test_a_layer_called_with_arguments_is_described_with_them():
    class Power(Activation):
        def call(self, inputs, exponent=1):
            return inputs**exponent

    x = Input((2,))
    model = Model(x, Power("linear")(x, exponent=3))
    np.testing.assert_allclose(model.predict(np.full((1, 2), 2.0)), 8)
    copy = Model.from_config(model.get_config(), custom_objects={"Power": Power})
    np.testing.assert_allclose(copy.predict(np.full((1, 2), 2.0)), 8)


def test_what_compile_sets_is_not_there_before():
    model = Sequential([Dense(1, input_shape=(2,))])
    assert model.optimizer is None
    for name in ("loss", "metrics", "metrics_names", "loss_weights", "sample_weight_mode"):
        assert not hasattr(model, name), name
    model.compile("sgd", "mse", metrics=["mae"])
    assert model.optimizer.get_config()["lr"] == pytest.approx(0.01)
    assert (model.loss, model.metrics, model.metrics_names) == (
        "mse",
        ["mae"],
        ["loss", "mean_absolute_error"],
    )
