"""Torch modules as layers: trained, frozen, saved, in lanes, with random numbers and lazy shapes."""

import copy
import re

import numpy as np
import pytest
import torch
from torch import nn

from batchyard.models import Model, Sequential, load_model, model_from_json
from batchyard.models.backend import learning_phase_scope, set_floatx
from batchyard.models.callbacks import CallbackList
from batchyard.models.errors import (
    InvalidArgumentError,
    NotSerializableError,
    ShapeError,
    UnknownNameError,
)
from batchyard.models.layers import Dense, Input, TimeDistributed, TorchLayer
from batchyard.models.training import ArrayData, FitState, LocalStrategy, fit_loop, pack, unpack
from batchyard.models.training.adapt import columns_of
from tests.models.test_lanes_of_sequences import SPLITS, train, train_as_crew

random = np.random.RandomState(0)
X = random.randn(26, 6).astype("float32")
Y = X.sum(1, keepdims=True) ** 2


class Block(nn.Module):
    """Parameters, one that never trains, buffers of all kinds, dropout."""

    def __init__(self, width, rate=0.25):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(rate))
        self.scale = nn.Parameter(torch.full((width,), 2.0), requires_grad=False)
        self.register_buffer("seen", torch.zeros(2))
        self.register_buffer("constant", torch.full((3,), 0.1))
        self.register_buffer("cache", torch.zeros(1), persistent=False)

    def forward(self, x):
        if self.training:
            self.seen = 0.5 * self.seen + x[:, :2].mean(0)
        self.cache = x.new_zeros(len(x))
        return self.body(x) * self.scale


KNOWN = {"Block": Block}


def network(rate=0.25, **kwargs):
    torch.manual_seed(5)
    model = Sequential(
        [TorchLayer(Block, {"width": 4, "rate": rate}, name="block", input_shape=(6,), **kwargs), Dense(1)]
    )
    model.compile("adam", "mse")
    return model


def test_the_numbers_are_those_of_torch():
    model = network(rate=0.0)
    plain, head = copy.deepcopy(model.layers[0].module), copy.deepcopy(model.layers[1])
    model.compile("sgd", "mse")
    optimizer = torch.optim.SGD(
        [p for p in (*plain.parameters(), *head.parameters()) if p.requires_grad], 0.01
    )
    model.fit(X, Y, batch_size=13, epochs=2, shuffle=False, verbose=0)
    plain.train()
    for _ in range(2):
        for rows in (slice(13), slice(13, 26)):
            optimizer.zero_grad()
            x, y = torch.from_numpy(X[rows]), torch.from_numpy(Y[rows])
            (head(plain(x)) - y).square().mean().backward()
            optimizer.step()
    for name, value in plain.state_dict().items():
        np.testing.assert_allclose(
            model.layers[0].module.state_dict()[name], value, rtol=1e-5, atol=1e-6, err_msg=name
        )
    plain.eval()
    np.testing.assert_allclose(
        model.predict(X), head(plain(torch.from_numpy(X))).detach(), rtol=1e-4, atol=1e-5
    )


def test_weights_have_names_and_kinds():
    layer = network().layers[0]
    assert [w.keras_name for w in layer.trainable_weights] == [
        "block/body.0.weight:0",
        "block/body.0.bias:0",
        "block/body.1.weight:0",
        "block/body.1.bias:0",
    ]
    assert [w.keras_name for w in layer.non_trainable_weights] == [
        "block/scale:0",
        "block/seen:0",
        "block/constant:0",
        "block/body.1.running_mean:0",
        "block/body.1.running_var:0",
        "block/body.1.num_batches_tracked:0",
    ]
    assert layer.count_params() == 24 + 4 + 4 + 4 + 4 + 2 + 3 + 4 + 4 + 1


def test_a_frozen_layer_stays_as_it_is_and_what_is_set_later_waits_for_compile():
    model = network(trainable=False)
    before = model.layers[0].get_weights()
    head = model.layers[1].get_weights()[0]
    model.layers[0].trainable = True
    model.layers[0].trainable = False
    model.fit(X, Y, epochs=1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.layers[0].get_weights(), strict=True))
    assert not np.array_equal(head, model.layers[1].get_weights()[0])
    assert len(model.compiled.trainable_weights) == 2
    model.layers[0].trainable = True
    assert len(model.compiled.trainable_weights) == 2
    model.compile("sgd", "mse")
    assert len(model.compiled.trainable_weights) == 6


def test_a_layer_in_a_frozen_model_leaves_its_buffers_alone():
    torch.manual_seed(5)
    inner = Sequential([TorchLayer(Block, {"width": 4}, input_shape=(6,))])
    inner.trainable = False
    model = Sequential([inner, Dense(1)])
    model.compile("sgd", "mse")
    before = inner.get_weights()
    model.fit(X, Y, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, inner.get_weights(), strict=True))


def test_modes_follow_the_learning_phase():
    layer = network().layers[0]
    x = torch.from_numpy(X)
    with learning_phase_scope(True):
        layer(x)
    assert layer.module.training
    assert layer.module.body[3].training
    layer(x)
    assert not layer.module.training
    layer(x, training=True)
    assert layer.module.training


@pytest.mark.parametrize("format", ["h5", "weights"])
def test_a_layer_made_from_a_class_is_saved_and_loaded(tmp_path, format):
    model = network()
    model.fit(X, Y, epochs=2, verbose=0)
    path = tmp_path / "model.h5"
    if format == "h5":
        model.save(path)
        loaded = load_model(path, custom_objects=KNOWN)
    else:
        model.save_weights(path)
        loaded = model_from_json(model.to_json(), custom_objects=KNOWN)
        loaded.load_weights(path)
    assert np.array_equal(loaded.predict(X), model.predict(X))
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
    assert loaded.layers[0].module.body[1].num_batches_tracked == 2
    if format == "h5":
        for one in (model, loaded):
            torch.manual_seed(8)
            one.fit(X, Y, epochs=1, verbose=0)
        assert pack(model, FitState(1)) == pack(loaded, FitState(1))


def test_a_file_never_says_which_code_to_run(tmp_path):
    model = network()
    model.save(tmp_path / "model.h5")
    with pytest.raises(UnknownNameError, match=re.escape("custom_objects={'Block': Block}")):
        load_model(tmp_path / "model.h5")


def test_a_module_made_already_is_saved_by_its_weights_alone(tmp_path):
    model = Sequential([TorchLayer(nn.Linear(6, 2), name="linear", input_shape=(6,))])
    with pytest.raises(
        NotSerializableError, match=r"linear was made from a module.*TorchLayer\(Linear.*save_weights"
    ):
        model.save(tmp_path / "model.h5")
    assert not (tmp_path / "model.h5").exists()
    model.save_weights(tmp_path / "weights.h5")
    other = Sequential([TorchLayer(nn.Linear(6, 2), name="linear", input_shape=(6,))])
    assert not np.array_equal(other.predict(X), model.predict(X))
    other.load_weights(tmp_path / "weights.h5")
    assert np.array_equal(other.predict(X), model.predict(X))
    with pytest.raises(NotSerializableError, match="made from a lambda"):
        TorchLayer(lambda: nn.Linear(6, 2)).get_config()


def made():
    return network(), X, Y, 24


@pytest.fixture(scope="module")
def of_one():
    one, state = made(), FitState(seed=7)
    train(one, state, LocalStrategy(4))
    return pack(one[0], state)


@pytest.mark.parametrize("size", SPLITS)
def test_any_number_of_members_gives_the_bits_of_one(of_one, size):
    """Batch statistics, counters and dropout of a torch module included."""
    members = [(made(), FitState(seed=7)) for _ in range(size)]
    torch.manual_seed(size)  # what the global generators hold does not matter
    assert not train_as_crew(members[:1] if size == 1 else members, SPLITS[size])
    assert {pack(one[0], state) for one, state in members} == {of_one}


def test_a_fit_goes_on_from_packed_bytes_with_the_same_bits(of_one):
    class Stop(LocalStrategy):
        def step_done(self, state):
            if state.iterations == 4:
                raise ConnectionError

    one, state = made(), FitState(seed=7)
    with pytest.raises(ConnectionError):
        train(one, state, Stop(4))
    other = made()
    torch.rand(3)
    resumed = unpack(pack(one[0], state), other[0])
    train(other, resumed, LocalStrategy(4))
    assert pack(other[0], resumed) == of_one


@pytest.mark.parametrize("lanes", [1, 4])
def test_buffers_are_folded_once_a_step_with_the_mean_of_the_lanes(lanes):
    model, x = network(), torch.from_numpy(X[:8])
    block = model.layers[0].module
    inner = block.body[0](x).detach()
    model.fit(X[:8], Y[:8], batch_size=8, epochs=1, shuffle=False, lanes=lanes, verbose=0)
    np.testing.assert_allclose(block.seen, x[:, :2].mean(0), rtol=1e-5)
    np.testing.assert_allclose(block.body[1].running_mean, 0.1 * inner.mean(0), rtol=1e-4, atol=1e-6)
    assert block.body[1].num_batches_tracked == 1
    assert torch.equal(block.constant, torch.full((3,), 0.1))
    assert block.cache.shape == (1,)


def test_training_draws_nothing_from_the_global_generators():
    model = network()
    data = ArrayData(columns_of(model, X[:24], Y[:24]), 8)
    callbacks = CallbackList([])
    callbacks.set_model(model)
    before = torch.get_rng_state()
    fit_loop(model, data, epochs=1, callbacks=callbacks, strategy=LocalStrategy(4), state=FitState(seed=1))
    assert torch.equal(torch.get_rng_state(), before)


def test_several_inputs_and_outputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.bilinear = nn.Bilinear(6, 3, 2)

        def forward(self, a, b):
            return self.bilinear(a, b), a.sum(1, keepdim=True)

    a, b = Input((6,)), Input((3,))
    first, second = TorchLayer(Two())([a, b])
    assert (first.shape, second.shape) == ((None, 2), (None, 1))
    outputs = Model([a, b], [first, second]).predict([X, X[:, :3]])
    np.testing.assert_allclose(outputs[1], X.sum(1, keepdims=True), rtol=1e-5, atol=1e-6)


def test_shapes_are_found_without_computing():
    x = Input((3, 32, 32))
    convolution = TorchLayer(nn.Conv2d, {"in_channels": 3, "out_channels": 8, "kernel_size": 3, "stride": 2})
    assert convolution(x).shape == (None, 8, 15, 15)
    assert TorchLayer(nn.BatchNorm2d(3))(x).shape == (None, 3, 32, 32)
    assert TimeDistributed(TorchLayer(nn.Linear(6, 2)))(Input((5, 6))).shape == (None, 5, 2)
    with pytest.raises(ShapeError, match="could not be found"):
        TorchLayer(nn.Linear(6, 2))(Input((5,)))


def test_lazy_modules_find_their_shapes():
    model = Sequential([TorchLayer(nn.LazyLinear, {"out_features": 2}, input_shape=(6,))])
    assert [w.shape for w in model.get_weights()] == [(2, 6), (2,)]
    model.compile("sgd", "mse")
    model.fit(X, Y.repeat(2, 1), verbose=0)


def test_the_module_follows_floatx():
    set_floatx("float64")
    try:
        layer = TorchLayer(nn.BatchNorm1d, {"num_features": 6})
        assert {w.dtype for w in layer.get_weights()} == {np.dtype("float64"), np.dtype("int64")}
        assert layer(torch.from_numpy(X).double()).dtype == torch.float64
    finally:
        set_floatx("float32")


def test_parameters_stay_the_modules_own_and_move_with_it():
    module = nn.LSTM(6, 2, batch_first=True)
    own = list(module.parameters())
    layer = TorchLayer(module)
    assert all(a is b for a, b in zip(own, layer.weights, strict=True))
    model = network()
    model.to(torch.float64)
    assert {w.dtype for w in model.layers[0].get_weights()} == {np.dtype("float64"), np.dtype("int64")}
    assert model.layers[0].weights[-1].keras_name == "block/body.1.num_batches_tracked:0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((nn.Linear(2, 2), {"bias": False}), "kwargs=.* made already"),
        ((3,), "Received: 3"),
        ((lambda: 3,), "Received: 3"),
        ((nn.Sequential(nn.Linear(2, 2), Dense(2)),), "contains layers of this library"),
    ],
)
def test_what_is_no_module_is_refused(arguments, message):
    with pytest.raises(InvalidArgumentError, match=message):
        TorchLayer(*arguments)


def test_a_module_that_returns_something_else_is_refused():
    class Dictionary(nn.Module):
        def forward(self, x):
            return {"x": x}

    with pytest.raises(InvalidArgumentError, match=r"should return a tensor.*dict.*Wrap it"):
        TorchLayer(Dictionary())(torch.ones(1))


def test_a_buffer_that_changes_its_shape_is_refused():
    class Growing(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("seen", torch.zeros(0))

        def forward(self, x):
            self.seen = torch.cat([self.seen, x.flatten()])
            return x

    model = Sequential([TorchLayer(Growing(), input_shape=(6,)), Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ShapeError, match=r"Buffer seen .* \(156,\) after it.*persistent=False"):
        model.fit(X, Y, batch_size=26, verbose=0)
