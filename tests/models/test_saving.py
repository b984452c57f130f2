"""Saving and loading: what is saved comes back, to the last bit; other files are refused."""

import contextlib
import io
import json
import os
import random
import stat
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from batchyard.models import (
    Input,
    Model,
    Sequential,
    load_model,
    model_from_json,
    model_from_yaml,
)
from batchyard.models.errors import (
    BatchyardModelsError,
    InvalidArgumentError,
    ModelFileError,
    NotBuiltError,
    UnknownNameError,
)
from batchyard.models.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPooling2D,
)
from batchyard.models.saving import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    model_from_config,
    save_model,
)

OPTIMIZERS = ["sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam"]


def make_dense(optimizer="adam", **names):
    model = Sequential(
        [
            Dense(4, activation="tanh", input_shape=(3,), name=names.get("first")),
            Dense(2, name=names.get("second")),
        ]
    )
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def make_convolutional():
    model = Sequential(
        [
            Conv2D(3, 3, input_shape=(6, 6, 2), kernel_regularizer="l2"),
            BatchNormalization(),
            Activation("relu"),
            MaxPooling2D(),
            Flatten(),
            Dropout(0.5),
            Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["acc"])
    return model


def make_branched():
    left, right = Input((3,)), Input((3,))
    shared = Dense(4, activation="relu")
    inner = Sequential([Dense(2, input_shape=(4,)), BatchNormalization()])
    model = Model([left, right], [inner(shared(left)), Dense(1)(shared(right))])
    model.compile("adam", ["mse", "mae"], loss_weights=[1.0, 0.5])
    return model


def rows(shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def train(model, seed, steps=2):
    """Train on random rows; all randomness of the steps follows from the seed."""
    torch.manual_seed(seed)
    x = [rows((8, *shape[1:]), seed) for shape in _as_list(model.input_shape)]
    y = [rows((8, *shape[1:]), seed + 1) for shape in _as_list(model.output_shape)]
    return [model.train_on_batch(_unpack(x), _unpack(y)) for _ in range(steps)]


def predict(model):
    x = [rows((5, *shape[1:]), 9) for shape in _as_list(model.input_shape)]
    return [array.tolist() for array in _as_list(model.predict(_unpack(x)))]


def _as_list(value):
    return value if isinstance(value, list) else [value]


def _unpack(values):
    return values[0] if len(values) == 1 else values


def weights_of(model):
    return [array.tolist() for array in model.get_weights()]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.h5")


class TestWholeModels:
    @pytest.mark.parametrize("make", [make_dense, make_convolutional, make_branched])
    def test_a_loaded_model_predicts_and_trains_on_with_the_same_bits(self, make, path):
        model = make()
        train(model, 1)
        model.save(path)
        loaded = load_model(path)
        assert predict(loaded) == predict(model)
        assert train(loaded, 2) == train(model, 2)
        assert weights_of(loaded) == weights_of(model)

    @pytest.mark.parametrize("optimizer", OPTIMIZERS)
    def test_every_optimizer_goes_on_with_the_same_bits(self, optimizer, path):
        model = make_dense(optimizer)
        model.optimizer.decay = 0.125
        model.optimizer.lr = 0.1
        train(model, 1, steps=3)
        model.save(path)
        loaded = load_model(path)
        assert loaded.optimizer.get_config() == model.optimizer.get_config()
        assert loaded.optimizer.iterations == model.optimizer.iterations == 3
        assert train(loaded, 2, steps=3) == train(model, 2, steps=3)
        assert weights_of(loaded) == weights_of(model)

    @pytest.mark.parametrize("make", [make_dense, make_convolutional, make_branched])
    def test_equal_models_give_equal_files(self, make, tmp_path):
        model = make()
        train(model, 1)
        model.save(tmp_path / "one.h5")
        model.save(tmp_path / "two.h5")
        load_model(tmp_path / "one.h5").save(tmp_path / "three.h5")
        one, two, three = ((tmp_path / f"{name}.h5").read_bytes() for name in ("one", "two", "three"))
        assert one == two
        assert one == three

    def test_a_model_that_was_not_trained_yet_is_saved_too(self, path):
        model = make_dense()
        model.save(path)
        loaded = load_model(path)
        assert train(loaded, 1) == train(model, 1)

    def test_a_model_that_was_not_compiled_is_loaded_with_a_warning(self, path):
        Sequential([Dense(1, input_shape=(2,))]).save(path)
        with pytest.warns(UserWarning, match=r"not compiled.*compile=False"):
            assert not load_model(path).is_compiled
        assert not load_model(path, compile=False).is_compiled

    def test_the_optimizer_is_left_out_if_asked(self, path):
        model = make_dense()
        model.save(path, include_optimizer=False)
        with h5py.File(path) as file:
            assert "training_config" not in file.attrs
            assert "optimizer_weights" not in file

    def test_learning_rates_and_names_come_back(self, path):
        model = make_dense(first="encoder")
        model.optimizer.lr = 0.1
        model.save(path)
        loaded = load_model(path)
        assert loaded.optimizer.lr == model.optimizer.lr
        assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
        assert loaded.name == model.name
        assert loaded.metrics_names == model.metrics_names

    def test_frozen_layers_stay_frozen(self, path):
        model = make_dense()
        model.layers[0].trainable = False
        model.compile("adam", "mse")
        train(model, 1)
        model.save(path)
        loaded = load_model(path)
        before = loaded.layers[0].get_weights()[0].tolist()
        assert train(loaded, 2) == train(model, 2)
        assert loaded.layers[0].get_weights()[0].tolist() == before

    def test_weighted_metrics_come_back(self, path):
        model = make_dense()
        model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mse"])
        model.save(path)
        assert load_model(path).metrics_names == model.metrics_names

    def test_a_model_built_by_its_first_data_is_loaded_built(self, path):
        model = Sequential([Dense(2), Dense(1)])
        model.compile("adam", "mse")
        x, y = rows((8, 3)), rows((8, 1), 1)
        model.train_on_batch(x, y)
        model.save(path)
        loaded = load_model(path)
        assert loaded.train_on_batch(x, y) == model.train_on_batch(x, y)

    def test_open_files_groups_and_streams_serve_as_paths_do(self, tmp_path):
        model = make_dense()
        stream = io.BytesIO()
        model.save(stream)
        assert predict(load_model(stream)) == predict(model)
        with h5py.File(tmp_path / "several.h5", "w") as file:
            for name in ("one", "two"):
                model.save(file.create_group(name))
            model.save(file["one"])
            assert predict(load_model(file["one"])) == predict(model)
            with pytest.raises(ModelFileError, match="overwrite=False"):
                save_model(model, file["two"], overwrite=False)

    def test_a_model_without_weights_yet_cannot_be_saved(self, path):
        with pytest.raises(NotBuiltError, match="input_shape"):
            Sequential([Dense(1)]).save(path)

    def test_loading_leaves_nothing_of_torchs_random_state_behind_that_a_second_loading_would_not(self, path):
        make_dense().save(path)
        torch.manual_seed(0)
        load_model(path)
        first = torch.rand(1)
        torch.manual_seed(0)
        load_model(path)
        assert torch.rand(1) == first


class TestWriting:
    def test_a_failed_save_leaves_the_old_file_and_nothing_else(self, tmp_path, monkeypatch):
        path = tmp_path / "model.h5"
        make_dense().save(path)
        before = path.read_bytes()

        def fail(*arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.replace", fail)
        with pytest.raises(ModelFileError, match=r"could not be written.*No space left.*disk has space"):
            make_dense().save(path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["model.h5"]

    def test_a_folder_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(ModelFileError, match=r"missing/model\.h5 could not be written.*folder exists"):
            make_dense().save(tmp_path / "missing" / "model.h5")

    def test_a_file_is_kept_if_overwriting_is_forbidden(self, path):
        make_dense().save(path)
        with pytest.raises(ModelFileError, match="overwrite=True"):
            make_dense().save(path, overwrite=False)

    def test_a_symbolic_link_is_followed(self, tmp_path):
        (tmp_path / "link.h5").symlink_to(tmp_path / "model.h5")
        make_dense().save(tmp_path / "link.h5")
        assert (tmp_path / "link.h5").is_symlink()
        assert h5py.is_hdf5(tmp_path / "model.h5")

    def test_the_file_has_the_usual_permissions(self, path, tmp_path):
        make_dense().save(path)
        (tmp_path / "other").touch()
        assert stat.S_IMODE(os.stat(path).st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)

    def test_the_layout_is_that_of_keras(self, path):
        model = make_dense(first="a", second="b")
        train(model, 1)
        model.save(path)
        with h5py.File(path) as file:
            assert sorted(file.attrs) == ["backend", "keras_version", "model_config", "training_config"]
            assert file["model_weights"].attrs["layer_names"].tolist() == [b"a", b"b"]
            assert file["model_weights/a"].attrs["weight_names"].tolist() == [b"a/kernel:0", b"a/bias:0"]
            assert file["model_weights/a/a/kernel:0"].shape == (3, 4)
            names = file["optimizer_weights"].attrs["weight_names"].tolist()
            assert names[:3] == [
                b"Adam/iterations:0",
                b"training/Adam/Variable:0",
                b"training/Adam/Variable_1:0",
            ]
            assert file["optimizer_weights/Adam/iterations:0"][()] == 2

    def test_long_lists_of_names_are_split_and_read_again(self, path):
        names = [f"{number:04d}" + "n" * 1000 for number in range(70)]
        model = Sequential([Dense(1, input_shape=(1,), name=name) for name in names])
        model.save_weights(path)
        with h5py.File(path) as file:
            assert sorted(file.attrs)[-2:] == ["layer_names0", "layer_names1"]
        before = weights_of(model)
        model.set_weights([array + 1 for array in model.get_weights()])
        model.load_weights(path)
        assert weights_of(model) == before


class TestWeights:
    def test_weights_come_back(self, path):
        model, other = make_branched(), make_branched()
        train(model, 1)
        model.save_weights(path)
        other.load_weights(path)
        assert weights_of(other) == weights_of(model)

    def test_weights_are_taken_from_whole_models_too(self, path):
        model, other = make_dense(), make_dense()
        model.save(path)
        other.load_weights(path)
        assert weights_of(other) == weights_of(model)

    def test_by_name_only_layers_of_that_name_are_loaded(self, path):
        make_dense(first="base", second="head").save_weights(path)
        model = make_dense(first="base", second="new_head")
        before = model.layers[1].get_weights()[0].tolist()
        model.load_weights(path, by_name=True)
        with h5py.File(path) as file:
            assert model.layers[0].get_weights()[0].tolist() == file["base/base/kernel:0"][()].tolist()
        assert model.layers[1].get_weights()[0].tolist() == before

    def test_by_name_a_layer_of_another_shape_is_an_error_or_skipped(self, path):
        make_dense(first="base", second="head").save_weights(path)
        model = Sequential([Dense(4, input_shape=(3,), name="base"), Dense(9, name="head")])
        before = weights_of(model)
        with pytest.raises(
            ModelFileError, match=r"'head'.*has shape \(4, 9\).*the saved one has shape \(4, 2\)"
        ):
            model.load_weights(path, by_name=True)
        assert weights_of(model) == before
        with pytest.warns(UserWarning, match=r"Skipping loading the weights of layer 'head'"):
            model.load_weights(path, by_name=True, skip_mismatch=True)
        assert weights_of(model)[0] != before[0]
        assert weights_of(model)[2:] == before[2:]

    def test_skip_mismatch_needs_names(self, path):
        with pytest.raises(InvalidArgumentError, match="by_name=True"):
            make_dense().load_weights(path, skip_mismatch=True)

    def test_weights_of_another_model_are_refused_and_change_nothing(self, path):
        make_branched().save_weights(path)
        model = make_dense()
        before = weights_of(model)
        with pytest.raises(ModelFileError, match=r"weights of 3 layers into .* in 2 layers.*by_name=True"):
            model.load_weights(path)
        Sequential([Dense(4, input_shape=(3,)), Dense(3)]).save_weights(path)
        with pytest.raises(ModelFileError, match=r"has shape \(4, 2\).*saved one has shape \(4, 3\)"):
            model.load_weights(path)
        assert weights_of(model) == before

    def test_kernels_written_under_theano_are_turned(self, path):
        model, other = make_convolutional(), make_convolutional()
        model.save_weights(path)
        with h5py.File(path, "a") as file:
            file.attrs["backend"] = b"theano"
        other.load_weights(path)
        assert other.get_weights()[0].tolist() == model.get_weights()[0][::-1, ::-1].tolist()


class Doubling(Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def cubic(y_true, y_pred):
    return (y_true - y_pred).abs().pow(3).mean(-1)


class TestConfigurations:
    @pytest.mark.parametrize("make", [make_dense, make_convolutional, make_branched])
    def test_json_and_yaml_give_the_same_architecture(self, make):
        model = make()
        from_json, from_yaml = model_from_json(model.to_json()), model_from_yaml(model.to_yaml())
        assert from_json.get_config() == model.get_config()
        assert from_yaml.get_config() == model.get_config()
        assert from_json.to_json() == model.to_json()
        from_yaml.set_weights(model.get_weights())
        assert predict(from_yaml) == predict(model)

    def test_they_can_be_edited_by_hand(self):
        model = make_dense()
        config = json.loads(model.to_json(indent=2))
        config["config"]["layers"][1]["config"]["units"] = 7
        assert model_from_config(config).output_shape == (None, 7)
        assert model_from_yaml(model.to_yaml().replace("units: 2", "units: 7")).output_shape == (None, 7)
        assert "!!" not in model.to_yaml()

    @pytest.mark.parametrize("text", ["", "[", "3", "[]", '{"class_name": "Sequential"}', "[" * 100_000])
    def test_text_that_is_no_configuration_is_refused(self, text):
        with pytest.raises(InvalidArgumentError, match="Expected"):
            model_from_json(text)
        with pytest.raises(InvalidArgumentError, match="Expected"):
            model_from_yaml(text)

    def test_a_layer_is_no_model(self):
        with pytest.raises(InvalidArgumentError, match=r"received that of a layer, Dense"):
            model_from_config({"class_name": "Dense", "config": {"units": 2}})

    def test_yaml_cannot_make_objects(self, tmp_path):
        text = f"!!python/object/apply:os.mkdir ['{tmp_path}/made']"
        with pytest.raises(InvalidArgumentError, match="could not determine a constructor"):
            model_from_yaml(text)
        assert not (tmp_path / "made").exists()

    def test_yaml_that_refers_to_itself_or_grows_without_bound_is_refused(self):
        with pytest.raises(InvalidArgumentError):
            model_from_yaml("class_name: Sequential\nconfig: &a [*a]")
        lines = ["class_name: Sequential", "config:", "  a0: &a0 [0, 0, 0, 0, 0, 0, 0, 0, 0]"]
        lines += [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
        with pytest.raises(InvalidArgumentError, match="more than"):
            model_from_yaml("\n".join(lines))

    def test_names_that_are_not_registered_are_refused(self):
        for name in ("os.system", "Doubling", "__import__"):
            with pytest.raises(UnknownNameError, match=name):
                model_from_config(
                    {"class_name": "Sequential", "config": [{"class_name": name, "config": {}}]}
                )


class TestCustomObjects:
    def make(self):
        model = Sequential([Dense(2, input_shape=(3,)), Doubling(3.0)])
        model.compile("sgd", cubic, metrics=[cubic])
        return model

    def test_they_are_found_where_they_are_passed(self, path):
        model = self.make()
        model.save(path)
        custom = {"Doubling": Doubling, "cubic": cubic}
        loaded = load_model(path, custom_objects=custom)
        assert predict(loaded) == predict(model)
        assert train(loaded, 1) == train(model, 1)
        assert model_from_json(model.to_json(), custom_objects=custom).layers[1].factor == 3.0
        assert model_from_yaml(model.to_yaml(), custom_objects=custom).layers[1].factor == 3.0

    def test_they_are_found_in_scopes(self, path):
        model = self.make()
        model.save(path)
        with CustomObjectScope({"Doubling": Doubling}), custom_object_scope({"cubic": cubic}):
            assert predict(load_model(path)) == predict(model)
            assert model_from_json(model.to_json()).layers[1].factor == 3.0

    def test_without_them_the_error_names_what_is_missing(self, path):
        self.make().save(path)
        with pytest.raises(UnknownNameError, match=r"Doubling.*custom_objects"):
            load_model(path)
        with pytest.raises(UnknownNameError, match=r"cubic.*custom_objects"):
            load_model(path, custom_objects={"Doubling": Doubling})

    def test_a_scope_ends_also_when_its_block_fails(self):
        def fail():
            with CustomObjectScope({"Doubling": Doubling}):
                get_custom_objects()["more"] = cubic
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert get_custom_objects() == {}

    def test_a_lambda_is_saved_with_a_warning(self, path):
        model = Sequential([Dense(1, input_shape=(3,))])
        model.compile("sgd", lambda y_true, y_pred: cubic(y_true, y_pred))
        with pytest.warns(UserWarning, match="give the function a name"):
            model.save(path)
        assert load_model(path, custom_objects={"<lambda>": cubic}).is_compiled


def edit(path, change):
    """Save a model and change its file."""
    model = make_dense(first="a", second="b")
    train(model, 1)
    model.save(path)
    with h5py.File(path, "a") as file:
        change(file)


def external_link(file):
    del file["model_weights/a/a/kernel:0"]
    file["model_weights/a/a/kernel:0"] = h5py.ExternalLink("/etc/passwd", "/x")


def soft_link(file):
    del file["model_weights/a"]
    file["model_weights/a"] = h5py.SoftLink("/model_weights")


def external_storage(file):
    del file["model_weights/a/a/kernel:0"]
    file["model_weights/a/a"].create_dataset("kernel:0", (3, 4), "f4", external=[("/etc/passwd", 0, 48)])


def virtual_dataset(file):
    del file["model_weights/a/a/kernel:0"]
    layout = h5py.VirtualLayout((3, 4), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (3, 4))
    file["model_weights/a/a"].create_virtual_dataset("kernel:0", layout)


def hollow_dataset(file):
    del file["model_weights/a/a/kernel:0"]
    file["model_weights/a/a"].create_dataset("kernel:0", (2**20, 2**20), "f4", chunks=(64, 64))


def huge_layer(file):
    config = file.attrs["model_config"].replace('"units": 4', '"units": 1000000000000')
    file.attrs["model_config"] = config


def hollow_huge_layer(file):
    huge_layer(file)
    del file["model_weights/a/a/kernel:0"]
    file["model_weights/a/a"].create_dataset("kernel:0", (3, 10**12), "f4", chunks=(1, 10**6))


def objects_instead_of_numbers(file):
    del file["model_weights/a/a/kernel:0"]
    file["model_weights/a/a"].create_dataset("kernel:0", data=["x"] * 12)


def no_weights(file):
    del file["model_weights"]


def missing_dataset(file):
    del file["model_weights/a/a/kernel:0"]


def config_no_json(file):
    file.attrs["model_config"] = "{"


def config_no_text(file):
    file.attrs["model_config"] = 3


def wrong_arguments(file):
    file.attrs["model_config"] = file.attrs["model_config"].replace('"units": 4', '"unit": 4')


def training_without_optimizer(file):
    file.attrs["training_config"] = "{}"


def optimizer_state_elsewhere(file):
    del file["optimizer_weights"]
    file["optimizer_weights"] = h5py.ExternalLink("/etc/passwd", "/x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (external_link, "is a link"),
        (soft_link, "is a link"),
        (external_storage, "stored in other files"),
        (virtual_dataset, "stored in other files"),
        (hollow_dataset, "claims"),
        (huge_layer, "fewer numbers"),
        (hollow_huge_layer, "claims"),
        (objects_instead_of_numbers, "Expected numbers"),
        (no_weights, "Expected a group"),
        (missing_dataset, "Expected an array"),
        (config_no_json, "as JSON"),
        (config_no_text, "Expected text"),
        (wrong_arguments, "unit"),
        (training_without_optimizer, "compile=False"),
        (optimizer_state_elsewhere, "is a link"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_damaged_and_hostile_files_are_refused(change, message, path):
    edit(path, change)
    with pytest.raises(BatchyardModelsError, match=message) as caught:
        load_model(path)
    assert isinstance(caught.value, ValueError)
    assert path in str(caught.value) or "unit" in message


def test_optimizer_state_that_does_not_fit_is_left_alone_with_a_warning(path):
    def change(file):
        file["optimizer_weights"].attrs["weight_names"] = file["optimizer_weights"].attrs["weight_names"][:3]

    edit(path, change)
    with pytest.warns(UserWarning, match="fresh optimizer"):
        assert load_model(path).optimizer.iterations == 0


def test_a_file_of_weights_is_no_model_and_the_error_says_what_to_do(path):
    make_dense().save_weights(path)
    with pytest.raises(ModelFileError, match=r"found weights only.*load_weights"):
        load_model(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"no file .*nothing\.h5"):
        load_model(tmp_path / "nothing.h5")


def test_files_of_another_kind_are_refused(tmp_path):
    for name, content in {"text": b"hello" * 100, "empty": b"", "zip": b"PK\x03\x04" + bytes(500)}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelFileError, match=r"HDF5 file.*another copy"):
            load_model(tmp_path / name)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"] = [1, 2, 3]
    with pytest.raises(ModelFileError, match="no Keras model"):
        load_model(tmp_path / "data.h5")
    with pytest.raises(ModelFileError, match="holds no weights"):
        make_dense().load_weights(tmp_path / "data.h5")


def test_damage_on_which_hdf5_never_ends_is_refused(path):
    make_dense().save(path)
    content = bytearray(Path(path).read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 16 : heap + 32] = bytes(16)  # an object of free space of length zero
    Path(path).write_bytes(content)
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)


def test_damage_that_hides_a_heap_on_which_hdf5_never_ends_is_refused(path):
    make_dense().save(path)
    content = bytearray(Path(path).read_bytes())
    heap = content.index(b"GCOL")
    # a byte that HDF5 does not look at, and one of the heap's size
    content[heap + 7 : heap + 9] = b"\xff\xff"
    Path(path).write_bytes(content)
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)


def test_a_truncated_file_is_refused_wherever_it_ends(path, tmp_path):
    model = make_dense()
    train(model, 1)
    model.save(path)
    whole = Path(path).read_bytes()
    for end in range(0, len(whole), 977):
        (tmp_path / "cut.h5").write_bytes(whole[:end])
        with pytest.raises(ModelFileError):
            load_model(tmp_path / "cut.h5")


def test_a_file_with_random_damage_loads_or_is_refused_with_an_error_of_ours(path):
    make_branched().save(path)
    whole = Path(path).read_bytes()
    dice = random.Random(0)
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(dice.choice([1, 3, 30])):
            damaged[dice.randrange(len(whole))] = dice.randrange(256)
        Path(path).write_bytes(damaged)
        with contextlib.suppress(BatchyardModelsError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load_model(path)
