"""Files that Keras 1.2.2 and 2.3.1, tf.keras 2.15 and Keras 3.15 wrote predict and train on as there.

They are from tests/oracle/write_keras_1_files.py and write_later_files.py.
"""

import copy
import io
import json
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from batchyard.models import Sequential, load_model, model_from_json
from batchyard.models.errors import InvalidArgumentError, ModelFileError, ShapeError, UnsafeCodeError
from batchyard.models.layers import Dense, NamedOperation
from batchyard.models.saving import model_from_config

DATA = Path(__file__).parent / "data" / "other_versions"
FILES = sorted(
    path.name
    for path in DATA.iterdir()
    if path.suffix in (".h5", ".keras") and not path.name.endswith(".weights.h5")
)


def record_of(file):
    """What the producer recorded: inputs, targets, predictions, and the losses of further steps."""
    with np.load(DATA / f"{file.rsplit('.', 1)[0]}.npz") as record:
        arrays = dict(record)

    def several(prefix):
        keys = [key for key in arrays if key.startswith(prefix) and key[len(prefix) :].isdigit()]
        found = [arrays[key] for key in sorted(keys)]
        return found[0] if len(found) == 1 else found

    return several("x"), several("y"), several("prediction"), arrays["losses"]


def expect_close(ours, theirs):
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            expect_close(one, other)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def load(file, **arguments):
    if "convolutional_th" in file:
        with pytest.warns(UserWarning, match="trained on Theano"):
            return load_model(DATA / file, **arguments)
    return load_model(DATA / file, **arguments)


def test_there_are_files_of_each_family():
    families = {"keras1", "keras2", "keras3", "tfkeras"}
    assert {name.split("_")[0] + name.split("_")[1] for name in FILES} == families


@pytest.mark.parametrize("file", FILES)
def test_they_predict_as_their_writer_does(file):
    x, _, predictions, _ = record_of(file)
    expect_close(load(file).predict(x), predictions)


@pytest.mark.parametrize("file", FILES)
def test_they_train_on_as_their_writer_does(file):
    x, y, _, losses = record_of(file)
    model = load(file)
    ours = [np.ravel(model.train_on_batch(x, y))[0] for _ in losses]
    np.testing.assert_allclose(ours, losses, rtol=2e-5)


@pytest.mark.parametrize("file", FILES)
def test_what_was_read_is_saved_and_read_again(file, tmp_path):
    x, _, _, _ = record_of(file)
    model = load(file)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Keras 2\.2\.4 can't open this file", UserWarning)
        model.save(tmp_path / "again.h5")
    again = load_model(tmp_path / "again.h5")
    expect_close(again.predict(x), model.predict(x))
    assert json.loads(again.to_json()) == json.loads(model.to_json())


def test_a_state_of_keras_1_that_does_not_fit_is_left_out(tmp_path):
    path = tmp_path / "damaged.h5"
    path.write_bytes((DATA / "keras_1_sequences_tf.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        group = file["optimizer_weights"]
        group.attrs["weight_names"] = group.attrs["weight_names"][:-1]
    with pytest.warns(UserWarning, match=r"Keras 1.*doesn't fit this model's RMSprop.*fresh optimizer"):
        model = load_model(path)
    assert all(not slot.any() for slot in model.optimizer.slots)


def test_an_archive_is_read_from_a_stream_and_an_open_zip_file():
    file = "keras_3_operations.keras"
    x, _, predictions, _ = record_of(file)
    expect_close(load_model(io.BytesIO((DATA / file).read_bytes())).predict(x), predictions)
    with zipfile.ZipFile(DATA / file) as archive:
        expect_close(load_model(archive).predict(x), predictions)


def test_weights_of_keras_3_load_by_order_and_by_name():
    x, _, predictions, _ = record_of("keras_3_optimizer_rmsprop.keras")
    for source in ("keras_3_optimizer_rmsprop.weights.h5", "keras_3_optimizer_rmsprop.keras"):
        model = load("keras_3_optimizer_rmsprop.keras", compile=False)
        model.set_weights([0 * array for array in model.get_weights()])
        model.load_weights(DATA / source)
        expect_close(model.predict(x), predictions)
    other = Sequential([Dense(5, input_shape=(4,), name="dense"), Dense(9, name="dense_1")])
    with pytest.raises(ModelFileError, match=r"dense_1.*expected a weight of the shape \(5, 9\), found"):
        other.load_weights(DATA / "keras_3_optimizer_rmsprop.weights.h5")
    with pytest.warns(UserWarning, match="Skipping loading the weights of layer 'dense_1'"):
        other.load_weights(DATA / "keras_3_optimizer_rmsprop.weights.h5", by_name=True, skip_mismatch=True)
    np.testing.assert_array_equal(other.layers[0].get_weights()[0], model.layers[0].get_weights()[0])


def test_hard_sigmoid_follows_the_writer():
    def config(version, **extra):
        arguments = {"name": "a", "activation": "hard_sigmoid", "batch_input_shape": [None, 1]}
        layer = {"class_name": "Activation", "config": {**arguments, **extra}}
        return {
            "class_name": "Sequential",
            "config": {"name": "m", "layers": [layer]},
            "keras_version": version,
        }

    x = np.array([[1.0]], "float32")
    assert model_from_config(config("2.2.4")).predict(x)[0, 0] == pytest.approx(0.7)
    assert model_from_config(config("2.15.0")).predict(x)[0, 0] == pytest.approx(0.7)
    assert model_from_config(config("3.5.0")).predict(x)[0, 0] == pytest.approx(1 / 6 + 0.5)


def keras_3(layer, **extra):
    entry = {"class_name": "InputLayer", "config": {"batch_shape": [None, 4, 4, 2], "name": "in"}}
    return {
        "class_name": "Sequential",
        "config": {"name": "m", "layers": [entry, layer]},
        "keras_version": "3.5.0",
        **extra,
    }


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (
            {"class_name": "BatchNormalization", "config": {"name": "b", "renorm": True}},
            "'b' of class BatchNormalization.*renorm",
        ),
        (
            {"class_name": "Flatten", "config": {"name": "f", "unheard_of": 1}},
            "'f' of class Flatten.*unheard_of",
        ),
        ({"module": "os", "class_name": "system", "config": {"name": "s"}}, "module 'os'"),
        ({"module": "keras.layers.__builtins__", "class_name": "Dense", "config": {"units": 1}}, "module"),
    ],
)
def test_what_cannot_be_represented_is_refused_by_layer_class_and_argument(layer, told):
    with pytest.raises(InvalidArgumentError, match=told):
        model_from_config(keras_3(layer))


@pytest.mark.parametrize(("version", "zeros"), [("2.2.4", False), ("2.15.0", True), ("3.5.0", True)])
def test_bidirectional_layers_of_later_versions_give_zeros_at_masked_steps(version, zeros):
    inner = {"class_name": "LSTM", "config": {"name": "lstm", "units": 2, "return_sequences": True}}
    layers = [
        {"class_name": "Masking", "config": {"name": "mask", "batch_input_shape": [None, 3, 1]}},
        {"class_name": "Bidirectional", "config": {"name": "both", "layer": inner}},
    ]
    model = model_from_config(
        {"class_name": "Sequential", "config": {"name": "m", "layers": layers}, "keras_version": version}
    )
    found = model.predict(np.array([[[1.0], [2.0], [0.0]]], "float32"))[0]
    assert (found[:2] != 0).any()
    assert bool((found[2] == 0).all()) is zeros
    assert model_from_json(model.to_json()).get_config() == model.get_config()


@pytest.mark.parametrize(("version", "frozen"), [("2.15.0", True), ("3.5.0", False)])
def test_a_network_called_for_inference_stays_so_in_training_where_its_writer_does(version, frozen):
    entry = {"batch_input_shape": [None, 2], "name": "in", "dtype": "float32"}
    entry = {"class_name": "InputLayer", "config": entry, "name": "in", "inbound_nodes": []}
    normalization = {"name": "norm", "batch_input_shape": [None, 2], "momentum": 0.5}
    inner = {"name": "base", "layers": [{"class_name": "BatchNormalization", "config": normalization}]}
    call = [[["in", 0, 0, {"training": False}]]]
    base = {"class_name": "Sequential", "config": inner, "name": "base", "inbound_nodes": call}
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [["base", 1, 0]]}
    config = {"class_name": "Functional", "config": {"name": "m", "layers": [entry, base], **ends}}
    model = model_from_config({**config, "keras_version": version})
    model.compile("sgd", "mse")
    x = np.arange(8, dtype="float32").reshape(4, 2)
    model.train_on_batch(x, x)
    assert bool((model.get_layer("base").get_weights()[2] == 0).all()) is frozen


def test_an_embedding_of_keras_2_0_has_the_dtype_of_its_input_written_down():
    arguments = {
        "name": "e",
        "input_dim": 5,
        "output_dim": 3,
        "dtype": "int32",
        "batch_input_shape": [None, 2],
    }
    layers = [{"class_name": "Embedding", "config": arguments}]
    model = model_from_config({"class_name": "Sequential", "config": layers, "keras_version": "2.0.2"})
    vectors = np.linspace(-0.5, 0.5, 15, dtype=np.float32).reshape(5, 3)
    model.set_weights([vectors])
    np.testing.assert_array_equal(model.predict(np.array([[1, 4]])), [vectors[[1, 4]]])


def test_code_in_a_file_of_keras_3_is_refused():
    code = {"class_name": "__lambda__", "config": {"code": "4wAA", "defaults": None, "closure": None}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": code}}
    with pytest.raises(UnsafeCodeError, match="'l'"):
        model_from_json(json.dumps(keras_3(layer)))


def test_an_unknown_initializer_is_left_out_for_predictions_only(tmp_path):
    path = tmp_path / "model.h5"
    Sequential([Dense(2, input_shape=(3,))]).save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][0]["config"]["kernel_initializer"] = {"class_name": "Magic", "config": {}}
        file.attrs["model_config"] = json.dumps(config)
    assert load_model(path, compile=False).predict(np.ones((1, 3), "float32")).shape == (1, 2)
    with pytest.raises(InvalidArgumentError, match="Magic"):
        load_model(path)


def rewritten(change):
    """An archive of which one member is changed."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(DATA / "keras_3_optimizer_rmsprop.keras") as source,
        zipfile.ZipFile(target, "w") as new,
    ):
        for name in source.namelist():
            for member, data in change(name, source.read(name)):
                new.writestr(member, data, zipfile.ZIP_DEFLATED)
    return target


def test_hostile_archives_are_refused():
    def bomb(name, data):
        return [(name, bytes(300 * 2**20) if name == "model.weights.h5" else data)]

    def missing(name, data):
        return [] if name == "config.json" else [(name, data)]

    def elsewhere(name, data):
        return [("../" + name if name == "config.json" else name, data)]

    def deep(name, data):
        return [(name, b"[" * 100_000 if name == "config.json" else data)]

    def other_shapes(name, data):
        if name != "config.json":
            return [(name, data)]
        config = copy.deepcopy(json.loads(data))
        config["config"]["layers"][-1]["config"]["units"] = 10**9
        return [(name, json.dumps(config))]

    for change in (bomb, missing, elsewhere, deep, other_shapes):
        with pytest.raises(ModelFileError):
            load_model(rewritten(change))


def with_compile_config(change):
    """An archive of which the training configuration is changed."""

    def changed(name, data):
        if name != "config.json":
            return [(name, data)]
        config = json.loads(data)
        change(config["compile_config"])
        return [(name, json.dumps(config))]

    return rewritten(changed)


def test_a_metric_that_is_not_here_is_left_out():
    def change(config):
        config["metrics"] = [
            {"module": "keras.metrics", "class_name": "AUC", "config": {"name": "auc"}},
            "mae",
        ]

    with pytest.warns(UserWarning, match="doesn't have: auc"):
        model = load_model(with_compile_config(change))
    assert model.metrics_names == ["loss", "mean_absolute_error"]


@pytest.mark.parametrize(
    ("argument", "value", "told"),
    [
        ("learning_rate", {"class_name": "ExponentialDecay", "config": {}}, "ExponentialDecay"),
        ("use_ema", True, "use_ema"),
        ("weight_decay", 0.1, "weight_decay"),
    ],
)
def test_an_optimizer_that_computes_otherwise_leaves_the_model_uncompiled(argument, value, told):
    def change(config):
        config["optimizer"]["config"][argument] = value

    with pytest.warns(UserWarning, match=told):
        model = load_model(with_compile_config(change))
    assert not model.is_compiled


@pytest.mark.parametrize(
    ("operation", "args", "kwargs", "expected"),
    [
        (
            "get_item",
            [{"input": 0}, [{"ellipsis": True}, {"slice": [None, None, -1]}]],
            {},
            lambda x: x[..., ::-1],
        ),
        ("get_item", [{"input": 0}, [{"slice": [None] * 3}, 1]], {}, lambda x: x[:, 1]),
        ("take", [{"input": 0}, [2, 0]], {"axis": 2}, lambda x: x[:, :, [2, 0]]),
        ("var", [{"input": 0}], {"axis": [1, 2]}, lambda x: x.var((1, 2))),
        ("pad", [{"input": 0}, [[0, 0], [1, 0], [0, 2]]], {}, lambda x: np.pad(x, [[0, 0], [1, 0], [0, 2]])),
        ("one_hot", [{"input": 0}, 3], {}, lambda x: (x[..., None] == np.arange(3)).astype("float32")),
        ("floor_divide", [7.0, {"input": 0}], {}, lambda x: 7.0 // x),
        ("swapaxes", [{"input": 0}, 1, 2], {}, lambda x: x.swapaxes(1, 2)),
        ("l2_normalize", [{"input": 0}], {"axis": -1}, lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True))),
    ],
)
def test_operations_compute_what_numpy_does(operation, args, kwargs, expected):
    x = np.random.default_rng(0).integers(1, 3, (2, 3, 4)).astype("float32")
    model = Sequential([NamedOperation(operation, args, kwargs, batch_input_shape=(None, 3, 4))])
    np.testing.assert_allclose(model.predict(x), expected(x), rtol=1e-6)
    again = model_from_json(model.to_json())
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_an_operation_cannot_ask_for_any_number_of_tensors():
    with pytest.raises(ShapeError, match="4096 parts"):
        Sequential([NamedOperation("split", [{"input": 0}, 10**9], {"axis": 1}, batch_input_shape=(None, 3))])


@pytest.mark.parametrize("optimizer", ["Adadelta", "Adam", "Adamax", "Nadam"])
def test_the_optimizers_of_tf_keras_under_tensorflow_1_keep_each_slot_in_one_piece(optimizer, tmp_path):
    # TensorFlow 1.13 gives the arrays names and order of Keras 2.2.4; only the version tells it apart.
    # Weights of one shape fit any order, so what is misread goes unnoticed.
    model = Sequential([Dense(3, use_bias=False, input_shape=(3,)), Dense(3, use_bias=False)])
    model.compile(optimizer, "mse")
    x = np.random.RandomState(0).normal(size=(8, 3))
    model.fit(x, x[:, ::-1], epochs=2, verbose=0)
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        for group in (file, file["model_weights"]):
            group.attrs["keras_version"] = "2.2.4-tf"
    loaded = load_model(tmp_path / "model.h5")
    assert type(loaded.optimizer) is type(model.optimizer)
    for ours, theirs in zip(model.optimizer.get_weights(), loaded.optimizer.get_weights(), strict=True):
        assert ours.tobytes() == theirs.tobytes()
    expected, found = model.optimizer.get_config(), loaded.optimizer.get_config()
    assert found == expected
