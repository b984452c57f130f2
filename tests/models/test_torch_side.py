"""A model is a torch module: moved, copied, hooked into, traced, exported, computed in half precision."""

import copy
import shutil

import numpy as np
import pytest
import torch

from batchyard.models import Model, Sequential, load_model
from batchyard.models.backend import clear_session
from batchyard.models.errors import InvalidArgumentError, MissingPackageError, StateError
from batchyard.models.layers import (
    GRU,
    LSTM,
    ActivityRegularization,
    BatchNormalization,
    Bidirectional,
    Conv2D,
    ConvLSTM2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    GlobalMaxPooling1D,
    Input,
    MaxPooling2D,
    SeparableConv2D,
    SimpleRNN,
    TimeDistributed,
    TorchLayer,
    concatenate,
)
from batchyard.models.training import FitState, LocalStrategy, pack, unpack
from batchyard.models.training.computation import computation_of
from tests.models.test_lanes_of_sequences import train

random = np.random.RandomState(0)


def dense():
    model = Sequential(
        [Dense(8, activation="relu", input_shape=(6,)), Dropout(0.5), Dense(3, activation="softmax")]
    )
    return model, random.randn(10, 6)


def conv():
    layers = [Conv2D(4, 3, padding="same", input_shape=(8, 8, 1)), BatchNormalization(), MaxPooling2D()]
    return Sequential([*layers, SeparableConv2D(3, 2), Flatten(), Dense(3)]), random.randn(10, 8, 8, 1)


def recurrent():
    layers = [LSTM(5, return_sequences=True, input_shape=(4, 3)), SimpleRNN(4, return_sequences=True), GRU(3)]
    return Sequential([*layers, Dense(1)]), random.randn(10, 4, 3)


def both_ways():
    layers = [Bidirectional(LSTM(3, return_sequences=True), input_shape=(4, 2)), TimeDistributed(Dense(2))]
    return Sequential([*layers, GlobalMaxPooling1D()]), random.randn(10, 4, 2)


def embedding():
    return Sequential([Embedding(9, 4, input_length=5), Flatten(), Dense(2)]), random.randint(0, 9, (10, 5))


def masks():
    layers = [Embedding(9, 4, mask_zero=True, input_length=5), LSTM(3, return_sequences=True)]
    return Sequential([*layers, TimeDistributed(Dense(2))]), random.randint(0, 9, (10, 5))


def several():
    """Several inputs and outputs, a layer called twice, and a model within."""
    a, b = Input((3,)), Input((3,))
    shared = Dense(4, name="shared")
    inner = Sequential([Dense(2, input_shape=(8,), name="within")], name="inner")
    joined = concatenate([shared(a), shared(b)])
    return Model([a, b], [inner(joined), Dense(1, name="head")(joined)]), [
        random.randn(10, 3),
        random.randn(10, 3),
    ]


MODELS = [dense, conv, recurrent, both_ways, embedding, masks, several]


def made(make, seed=1):
    random.seed(0)
    clear_session()
    torch.manual_seed(seed)
    model, x = make()
    arrays = [a.astype("float32") for a in (x if isinstance(x, list) else [x])]
    return model, arrays


def inputs_of(arrays):
    tensors = [torch.from_numpy(a) for a in arrays]
    return tensors if len(tensors) > 1 else tensors[0]


def as_arrays(outputs):
    found = outputs if isinstance(outputs, list | tuple) else [outputs]
    return [o.detach().numpy() if isinstance(o, torch.Tensor) else o for o in found]


def assert_close(one, other, tolerance=1e-5):
    for a, b in zip(as_arrays(one), as_arrays(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def targets_of(model, rows):
    values = np.random.RandomState(3)
    arrays = [values.rand(rows, *o.shape[1:]).astype("float32") for o in model.outputs]
    return arrays if len(arrays) > 1 else arrays[0]


# A torch module.


@pytest.mark.parametrize("make", MODELS)
def test_a_state_dict_brings_all_weights_to_another_model(make):
    (model, x), (other, _) = made(make), made(make, seed=2)
    state = model.state_dict()
    tensors = [id(t) for t in model.state_dict(keep_vars=True).values()]
    assert len(tensors) == len(set(tensors)) == len(model.get_weights())
    assert list(state) == list(other.state_dict())
    assert other.load_state_dict(state).missing_keys == []
    assert_close(model.predict(x), other.predict(x), 0)


@pytest.mark.parametrize("make", MODELS)
def test_a_deep_copy_is_a_model_of_its_own(make):
    model, x = made(make)
    model.compile("adam", "mse")
    y = targets_of(model, 10)
    model.fit(x if len(x) > 1 else x[0], y, verbose=0)
    twin = copy.deepcopy(model)
    assert twin.layers[1] is not model.layers[1]
    assert_close(twin.predict(x), model.predict(x), 0)
    before = model.get_weights()
    torch.manual_seed(4)
    twin.fit(x if len(x) > 1 else x[0], y, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    torch.manual_seed(4)
    model.fit(x if len(x) > 1 else x[0], y, verbose=0)
    for a, b in zip(twin.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_a_deep_copy_takes_along_what_no_file_holds():
    """Torch modules made already, recurrent states and a loss scale."""
    sizes = {"in_features": 3, "out_features": 2}
    for made_of in ([torch.nn.Linear(3, 2)], [torch.nn.Linear, sizes]):
        first = TorchLayer(*made_of, batch_input_shape=(4, 5, 3))
        model = Sequential([first, LSTM(2, stateful=True), Dense(1)])
        model.compile("sgd", "mse", mixed_precision="float16")
        x = random.randn(4, 5, 3).astype("float32")
        computation_of(model).loss_scale.scale = 8.0
        model.fit(x, np.ones((4, 1)), batch_size=4, verbose=0)
        twin = copy.deepcopy(model)
        assert twin.layers[0].module is not model.layers[0].module
        assert computation_of(twin).loss_scale.get_state() == {"scale": 8.0, "good_steps": 1}
        assert np.array_equal(twin.predict(x, batch_size=4), model.predict(x, batch_size=4))


@pytest.mark.parametrize("make", MODELS)
def test_a_model_moves_to_another_dtype(make):
    model, x = made(make)
    expected = model.predict(x)
    model.to(torch.float64)
    assert {w.dtype for w in model.get_weights()} == {np.dtype("float64")}
    found = model(inputs_of([a.astype("float64") for a in x]))
    assert_close(found, expected)


def test_a_model_moves_to_another_device():
    model, _ = made(conv)
    moved = model.to("meta")
    assert model.device.type == "meta"
    assert moved is model
    assert model(torch.zeros(2, 8, 8, 1, device="meta")).shape == (2, 3)


def test_hooks_of_models_and_layers_run_in_fit_and_predict():
    model, x = made(dense)
    model.compile("sgd", "mse")
    seen = []
    model.register_forward_hook(lambda *_: seen.append("model"))
    model.layers[0].register_forward_hook(lambda *_: seen.append("layer"))
    model.layers[2].register_full_backward_hook(lambda *_: seen.append("backward"))
    model.fit(x[0], targets_of(model, 10), verbose=0)
    assert seen == ["layer", "model", "backward"]
    model.predict(x)
    assert seen[3:] == ["layer", "model"]


def test_torchs_own_tools_find_modules_and_parameters():
    model, _ = made(several)
    names = [name for name, _ in model.named_parameters()]
    assert len(names) == len(set(names)) == 6
    assert sum(isinstance(module, Dense) for module in model.modules()) == 3


# Traced and exported.


@pytest.mark.parametrize("make", MODELS)
def test_torchs_compiler_traces_a_model_whole(make):
    model, x = made(make)
    torch._dynamo.reset()
    traced = torch.compile(model, fullgraph=True, backend="eager")
    with torch.no_grad():
        assert_close(traced(inputs_of(x)), model.predict(x))


@pytest.mark.parametrize("make", MODELS)
def test_an_exported_model_computes_any_number_of_rows(make):
    model, x = made(make)
    rows = torch.export.Dim("rows", min=2)
    given = inputs_of(x)
    sizes = [{0: rows} for _ in x]
    program = torch.export.export(
        model, (given,), dynamic_shapes=((sizes if len(x) > 1 else sizes[0],),), strict=False
    )
    fewer = [a[:7] for a in x]
    assert_close(program.module()(inputs_of(fewer)), model.predict(fewer))


# Mixed precision.


def every_layer():
    """Layers that look at dtypes, one after the other."""
    x = Input((4, 6, 6, 2))
    y = ConvLSTM2D(3, 3)(x)
    y = GaussianNoise(0.1)(BatchNormalization()(y))
    y = ActivityRegularization(l2=0.01)(Flatten()(y))
    y = TorchLayer(torch.nn.LayerNorm(48))(y)
    return Model(x, Dense(2, activation="softmax")(y)), random.randn(10, 4, 6, 6, 2)


@pytest.mark.parametrize("make", [*MODELS, every_layer])
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_trains_nearly_alike_and_keeps_weights_in_float32(make, precision):
    losses = []
    for given in (None, precision):
        model, x = made(make)
        model.compile("sgd", "mse", metrics=["mae"], mixed_precision=given)
        if given == "float16":
            computation_of(model).loss_scale.scale = 2.0**6  # so that no step is left out
        x, y = x if len(x) > 1 else x[0], targets_of(model, 10)
        history = model.fit(x, y, epochs=8, shuffle=False, validation_data=(x, y), verbose=0).history
        losses.append(history["val_loss"][-1])
        predictions = as_arrays(model.predict(x))
        assert {p.dtype for p in predictions} == {np.dtype("float32")}
        assert {w.dtype for w in model.get_weights()} == {np.dtype("float32")}
        assert np.isfinite(history["loss"]).all()
    np.testing.assert_allclose(*losses, rtol=0.05)


def test_outputs_are_computed_in_the_precision():
    seen = []
    for precision in (None, "bfloat16"):
        model, x = made(dense)
        model.compile("sgd", "mse", mixed_precision=precision)
        model.layers[0].register_forward_hook(lambda _, __, output: seen.append(output.dtype))
        model.predict(x)
    assert seen == [torch.float32, torch.bfloat16]


def test_an_unknown_precision_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"'bfloat16', 'float16' or None\. Received: 'half'"):
        made(dense)[0].compile("sgd", "mse", mixed_precision="half")


def half(precision):
    def make():
        model, _ = made(lambda: recurrent())
        model.compile("adam", "mse", mixed_precision=precision)
        rows = np.random.RandomState(5).randn(26, 4, 3).astype("float32")
        return model, rows, rows.sum((1, 2))[:, None], 18

    return make


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("lanes", [1, 4])
def test_mixed_precision_resumes_with_the_same_bits(precision, lanes):
    class Stop(LocalStrategy):
        def step_done(self, state):
            if state.iterations == 4:
                raise ConnectionError

    make = half(precision)
    whole, state = make(), FitState(seed=7)
    train(whole, state, LocalStrategy(lanes))
    one, interrupted = make(), FitState(seed=7)
    with pytest.raises(ConnectionError):
        train(one, interrupted, Stop(lanes))
    other = make()
    resumed = unpack(pack(one[0], interrupted), other[0])
    train(other, resumed, LocalStrategy(lanes))
    assert pack(other[0], resumed) == pack(whole[0], state)


def test_where_float16_overflows_the_step_is_left_out_and_the_scale_halved():
    model, x = made(dense)
    model.compile("sgd", "mse", mixed_precision="float16")
    scale, before = computation_of(model).loss_scale, model.get_weights()
    scale.scale = 2.0**40
    model.train_on_batch(x[0], targets_of(model, 10))
    assert (scale.scale, scale.good_steps) == (2.0**39, 0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    scale.scale, scale.good_steps = 2.0**8, scale.GROWTH_INTERVAL - 1
    model.train_on_batch(x[0], targets_of(model, 10))
    assert (scale.scale, scale.good_steps) == (2.0**9, 0)
    assert not np.array_equal(before[0], model.get_weights()[0])
    state = FitState(seed=1)
    other, _ = made(dense)
    other.compile("sgd", "mse", mixed_precision="float16")
    unpack(pack(model, state), other)
    assert computation_of(other).loss_scale.get_state() == scale.get_state()


# Through torch's compiler.


def jitted():
    clear_session()
    torch.manual_seed(2)
    return Sequential(
        [
            Dense(8, activation="relu", kernel_regularizer="l2", input_shape=(6,)),
            BatchNormalization(),
            ActivityRegularization(l2=0.01),
            Dense(3, activation="softmax"),
        ]
    )


def test_jit_compile_gives_the_numbers_of_eager_training():
    torch._dynamo.reset()
    x = np.random.RandomState(5).randn(24, 6).astype("float32")
    y = np.eye(3, dtype="float32")[np.arange(24) % 3]
    results = []
    for jit in (False, True):
        model = jitted()
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"], jit_compile=jit)
        history = model.fit(x, y, batch_size=12, epochs=3, shuffle=False, verbose=0).history
        results.append((model.get_weights(), history, model.predict(x), model.evaluate(x, y, verbose=0)))
    for one, other in zip(results[0][0], results[1][0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    for key, values in results[0][1].items():
        np.testing.assert_allclose(values, results[1][1][key], rtol=1e-5, err_msg=key)
    np.testing.assert_allclose(results[0][2], results[1][2], rtol=1e-5)
    np.testing.assert_allclose(results[0][3], results[1][3], rtol=1e-5)
    assert not torch._dynamo.utils.counters["graph_break"]  # traced whole
    twin = copy.deepcopy(model)
    assert np.array_equal(twin.predict(x), results[1][2])


def test_without_a_compiler_jit_compile_says_what_to_install(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    model, x = made(dense)
    model.compile("sgd", "mse", jit_compile=True)
    with pytest.raises(
        MissingPackageError, match=r"C\+\+ compiler.*g\+\+.*Install g\+\+, or .*jit_compile=False"
    ):
        model.train_on_batch(x[0], targets_of(model, 10))


# Saved.


def test_how_a_model_computes_is_saved_with_it(tmp_path):
    for given in ({}, {"mixed_precision": "bfloat16"}, {"mixed_precision": "float16", "jit_compile": True}):
        model, _ = made(dense)
        model.compile("adam", "mse", **given)
        model.save(tmp_path / "model.h5")
        found = computation_of(load_model(tmp_path / "model.h5"))
        expected = {"mixed_precision": None, "jit_compile": False, **given}
        assert {"mixed_precision": found.mixed_precision, "jit_compile": found.jit_compile} == expected


def test_a_damaged_loss_scale_is_refused():
    from batchyard.models.training.packing import pack_arrays, unpack_arrays

    model, _ = made(dense)
    model.compile("adam", "mse", mixed_precision="float16")
    values, arrays = unpack_arrays(pack(model, FitState(seed=1)))
    values["loss_scale"] = {"scale": 1.0}
    with pytest.raises(StateError, match=r"loss scale .* incomplete"):
        unpack(pack_arrays(values, arrays), model)
