"""Files for Keras 3: their layout, what is refused, what is warned of; this library opens them again.

That Keras 3 opens them is tested in test_saving_interchange_oracle.py.
"""

import io
import json
import warnings
import zipfile

import h5py
import numpy as np
import pytest

from batchyard.models import Input, Model, Sequential, layers, load_model, optimizers
from batchyard.models.errors import InvalidArgumentError, NotSerializableError
from tests.oracle.later_models import SAME, SCALED, arithmetic, frozen_base, later_rmsprop, trained
from tests.oracle.saving_models import make_model, one_or_list


def dense(optimizer="adam", **compiling):
    model = Sequential([layers.Dense(3, activation="tanh", input_shape=(2,)), layers.Dense(1)])
    model.compile(optimizer, "mse", **compiling)
    model.train_on_batch(np.ones((4, 2)), np.ones((4, 1)))
    return model


def archive_of(model, **arguments):
    stream = io.BytesIO()
    model.save(stream, target="keras", **arguments)
    return zipfile.ZipFile(stream)


def config_of(model):
    return json.loads(archive_of(model).read("config.json"))


class TestArchives:
    def test_the_ending_of_a_path_chooses_the_archive(self, tmp_path):
        dense().save(tmp_path / "model.keras")
        assert zipfile.is_zipfile(tmp_path / "model.keras")
        with pytest.raises(InvalidArgumentError, match=r"ends with \.keras.*\.h5"):
            dense().save(tmp_path / "model.keras", target="keras2")
        with pytest.raises(InvalidArgumentError, match="'keras2', 'keras3', 'keras'"):
            dense().save(tmp_path / "model.h5", target="keras4")

    def test_equal_models_give_equal_bytes(self, tmp_path):
        model = dense()
        for name in ("one", "two"):
            model.save(tmp_path / f"{name}.keras")
        assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "two.keras").read_bytes()

    def test_the_members_are_those_of_keras_3(self):
        archive = archive_of(dense())
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert json.loads(archive.read("metadata.json"))["keras_version"].startswith("3.")
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            assert sorted(file) == ["layers", "optimizer", "vars"]
            assert sorted(file["layers"]) == ["dense", "dense_1", "input_layer"]
            assert file["layers/dense/vars/0"].shape == (2, 3)
            assert len(file["optimizer/vars"]) == 2 + 2 * 4
            assert file["optimizer/vars/0"][()] == 1

    @pytest.mark.parametrize("seed", range(8))
    def test_what_is_written_is_read_again(self, seed, tmp_path):
        model, x, _ = make_model(seed)
        expected = model.predict(one_or_list(x))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model.save(tmp_path / "model.keras")
            model.save(tmp_path / "model.h5", target="keras3")
            found = [
                load_model(tmp_path / name).predict(one_or_list(x)) for name in ("model.keras", "model.h5")
            ]
        for predictions in found:
            for one, other in zip(_as_list(predictions), _as_list(expected), strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax"])
    def test_training_goes_on_with_the_optimizers_state(self, optimizer, tmp_path):
        model = dense(optimizer)
        model.save(tmp_path / "model.keras")
        loaded = load_model(tmp_path / "model.keras")
        x, y = np.ones((4, 2)), np.ones((4, 1))
        expected = [model.train_on_batch(x, y) for _ in range(3)]
        np.testing.assert_allclose([loaded.train_on_batch(x, y) for _ in range(3)], expected, rtol=1e-5)
        assert loaded.optimizer.iterations == model.optimizer.iterations == 4


def _as_list(value):
    return value if isinstance(value, list) else [value]


class TestConfigurations:
    def test_arguments_have_the_names_of_keras_3(self):
        model = Sequential([layers.LeakyReLU(0.25, input_shape=(2,)), layers.ThresholdedReLU(0.5)])
        begin, leaky, threshold = config_of(model)["config"]["layers"]
        assert begin["config"]["batch_shape"] == [None, 2]
        assert leaky["config"]["negative_slope"] == 0.25
        assert threshold["class_name"] == "ReLU"
        assert threshold["config"]["threshold"] == 0.5
        assert "batch_input_shape" not in leaky["config"]

    def test_losses_metrics_and_optimizers_have_the_names_of_keras_3(self):
        model = dense(optimizers.Adam(lr=0.5, decay=0.25, clipnorm=1.0), metrics=["acc", "mae"])
        compiled = config_of(model)["compile_config"]
        assert compiled["loss"] == "mean_squared_error"
        assert compiled["metrics"] == ["accuracy", "mean_absolute_error"]
        config = compiled["optimizer"]["config"]
        assert config["learning_rate"]["class_name"] == "InverseTimeDecay"
        assert config["global_clipnorm"] == 1.0
        assert "lr" not in config
        assert "decay" not in config

    def test_initial_states_are_arguments_of_the_call(self):
        begin = Input((3, 2))
        _, *states = layers.LSTM(2, return_state=True, recurrent_activation="sigmoid")(begin)
        model = Model(begin, layers.LSTM(2, recurrent_activation="sigmoid")(begin, initial_state=states))
        call = config_of(model)["config"]["layers"][-1]["inbound_nodes"][0]
        assert len(call["args"]) == 1
        assert len(call["kwargs"]["initial_state"]) == 2

    def test_weights_of_cudnn_layers_become_those_of_the_plain_layer(self):
        model = Sequential([layers.CuDNNLSTM(2, input_shape=(3, 2))])
        with pytest.warns(UserWarning, match="no CuDNN layers"):
            archive = archive_of(model)
        assert json.loads(archive.read("config.json"))["config"]["layers"][1]["class_name"] == "LSTM"
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            assert file["layers/lstm/cell/vars/2"].shape == (8,)


class TestWarnings:
    def test_hard_sigmoid_is_warned_of_and_its_weights_are_scaled(self):
        model = Sequential([layers.Dense(2, activation="hard_sigmoid", input_shape=(2,))])
        with pytest.warns(UserWarning, match=r"hard_sigmoid.*1\.2 times.*sigmoid"):
            archive = archive_of(model)
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            kernel = file["layers/dense/vars/0"][()]
        np.testing.assert_allclose(kernel, 1.2 * model.get_weights()[0], rtol=1e-6)

    def test_hard_sigmoid_that_no_weights_precede_is_said_to_differ(self):
        model = Sequential([layers.Activation("hard_sigmoid", input_shape=(2,))])
        with pytest.warns(UserWarning, match=r"activation_\d+ will compute.*keras\.ops\.clip"):
            archive_of(model)

    def test_bilinear_upsampling_of_keras_2_is_told(self):
        options = {"interpolation": "bilinear", "input_shape": (3, 3, 1), "name": "larger"}
        with pytest.warns(UserWarning, match=r"elements' middles.*larger will compute.*LaterUpSampling2D"):
            archive_of(Sequential([layers.UpSampling2D(2, **options)]))
        archive_of(Sequential([layers.later.LaterUpSampling2D(2, **options)]))  # warnings are errors
        archive_of(Sequential([layers.UpSampling2D(1, **options)]))

    def test_masked_steps_that_count_are_told(self):
        def model(first, counts):
            made = Sequential([first, layers.SimpleRNN(2, return_sequences=True)])
            made.compile("sgd", "mse", counts_masked_steps=counts)
            return made

        with pytest.warns(UserWarning, match="counts_masked_steps=True, which Keras 3 lacks"):
            archive_of(model(layers.Masking(input_shape=(3, 2)), True))
        archive_of(model(layers.Masking(input_shape=(3, 2)), True), include_optimizer=False)
        archive_of(model(layers.Masking(input_shape=(3, 2)), False))  # warnings are errors
        archive_of(model(layers.Dense(2, input_shape=(3, 2)), True))

    def test_nadams_other_pace_is_warned_of(self):
        with pytest.warns(UserWarning, match=r"Nadam.*Adam is the same"):
            archive_of(dense("nadam"))

    def test_hdf5_leaves_the_optimizers_state_out_and_says_so(self, tmp_path):
        with pytest.warns(UserWarning, match=r"can't load an optimizer's state.*\.keras"):
            dense().save(tmp_path / "model.h5", target="keras3")
        with h5py.File(tmp_path / "model.h5") as file:
            assert "optimizer_weights" not in file
            assert "top_level_model_weights" in file["model_weights"]

    @pytest.mark.parametrize("target", ["keras", "keras3"])
    def test_a_models_name_that_tensorflow_refuses_is_written_otherwise(self, target, tmp_path):
        x = layers.Input((2,))
        model = Model(x, layers.Dense(1)(x), name="_net_in=(40, 1)")
        path = tmp_path / ("model.keras" if target == "keras" else "model.h5")
        with pytest.warns(UserWarning, match=r"'_net_in=\(40, 1\)'.*written as 'model_net_in__40__1_'"):
            model.save(path, target=target)
        loaded = load_model(path, compile=False)
        assert (model.name, loaded.name) == ("_net_in=(40, 1)", "model_net_in__40__1_")
        np.testing.assert_array_equal(model.predict(np.ones((1, 2))), loaded.predict(np.ones((1, 2))))

    def test_layers_names_are_kept_and_said_to_fail_on_one_backend(self):
        model = Sequential([layers.Dense(2, name="a=b", input_shape=(2,)), layers.Dense(1, name="c.d")])
        with (
            pytest.warns(UserWarning, match=r"on TensorFlow.*with 'a=b'\. "),
            pytest.warns(UserWarning, match=r"on torch takes no \"\.\".*with 'c\.d'\. "),
        ):
            described = config_of(model)
        assert [layer["config"]["name"] for layer in described["config"]["layers"][1:]] == ["a=b", "c.d"]

    def test_names_that_every_backend_takes_are_not_warned_of(self):
        x = layers.Input((2,), name="in.(1)")
        hidden = layers.ReLU(name="no.weights")(layers.Dense(1, name="_a-1")(x))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert config_of(Model(x, hidden, name="m.1"))["config"]["name"] == "m.1"


class TestRefusals:
    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            (lambda: layers.LocallyConnected1D(2, 2), "LocallyConnected1D, which Keras 3 lacks"),
            (lambda: layers.Lambda(lambda x: x), r"computes a lambda.*Give it a name"),
            (lambda: layers.Flatten(name="a/b"), "slash in its name"),
        ],
    )
    def test_layers_that_keras_3_lacks_are_named(self, layer, message, tmp_path):
        model = Sequential([layers.Reshape((4, 1), input_shape=(4,)), layer()])
        for path, target in (("model.keras", None), ("model.h5", "keras3")):
            with pytest.raises(NotSerializableError, match=message):
                model.save(tmp_path / path, target=target)
            assert not (tmp_path / path).exists()

    def test_two_ways_of_clipping_are_refused(self):
        with pytest.raises(NotSerializableError, match=r"clipnorm and clipvalue.*include_optimizer=False"):
            archive_of(dense(optimizers.SGD(clipnorm=1.0, clipvalue=1.0)))
        archive_of(dense(optimizers.SGD(clipnorm=1.0, clipvalue=1.0)), include_optimizer=False)

    def test_weights_for_keras_3_need_its_ending(self, tmp_path):
        model = dense()
        with pytest.raises(InvalidArgumentError, match=r"end with '\.weights\.h5'"):
            model.save_weights(tmp_path / "w.h5", target="keras3")
        model.save_weights(tmp_path / "m.weights.h5", target="keras3")
        expected = model.get_weights()
        model.set_weights([array * 0 for array in expected])
        model.load_weights(tmp_path / "m.weights.h5")
        for one, other in zip(model.get_weights(), expected, strict=True):
            assert one.tobytes() == other.tobytes()


class TestWhatLaterVersionsBrought:
    """Operations, their RMSprop and Keras 3's hard_sigmoid go back to where they came from."""

    @pytest.mark.parametrize("make", [*SAME, *SCALED])
    def test_it_is_written_as_keras_3_has_it_and_read_again(self, make, tmp_path):
        model, x, y = trained(make)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*an argument 'training', which Keras 3 does not take")
            model.save(tmp_path / "m.keras")
        again = load_model(tmp_path / "m.keras")
        np.testing.assert_allclose(
            again.predict(one_or_list(x)), model.predict(one_or_list(x)), rtol=1e-5, atol=1e-6
        )
        assert type(again.optimizer).__name__ == (
            type(model.optimizer)
            .__name__.replace("LaterRMSprop", "RMSprop")
            .replace("RMSprop", "LaterRMSprop")
        )
        if make is later_rmsprop:
            ours, theirs = ([each.train_on_batch(x[0], y[0]) for _ in range(3)] for each in (model, again))
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)

    def test_operations_have_their_arguments_where_keras_3_looks_for_them(self):
        model, _, _ = trained(arithmetic)
        found = {layer["name"]: layer for layer in config_of(model)["config"]["layers"]}
        clip = next(layer for layer in found.values() if layer["class_name"] == "Clip")
        assert clip["module"] == "keras.src.ops.numpy"
        assert (clip["config"]["x_min"], clip["config"]["x_max"]) == (0.0, 0.5)
        assert len(clip["inbound_nodes"][0]["args"]) == 1
        scaled = next(
            layer for layer in found.values() if layer["inbound_nodes"] and layer["class_name"] == "Multiply"
        )
        assert len(scaled["inbound_nodes"][0]["args"]) == 2

    def test_a_call_with_training_false_is_warned_of(self, tmp_path):
        model, _, _ = trained(frozen_base)
        with pytest.warns(UserWarning, match=r"sequential_\d+ is called with an argument 'training'"):
            model.save(tmp_path / "m.keras")

    def test_a_function_in_a_sequential_is_refused_by_name(self, tmp_path):
        model = Sequential(
            [layers.NamedOperation("erf", [{"input": 0}], name="e", batch_input_shape=(None, 2))]
        )
        with pytest.raises(NotSerializableError, match=r"'e' of the Sequential.*\(erf\).*Model\(inputs"):
            model.save(tmp_path / "m.keras")
