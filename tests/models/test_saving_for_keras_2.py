"""Models with what only later versions have, saved so that Keras 2.2.4 opens them; or what it lacks is told.

That Keras 2.2.4 opens them is tested in test_saving_interchange_oracle.py.
"""

import inspect
import json
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

from batchyard.models import Input, Model, Sequential, activations, layers, load_model, losses, optimizers
from batchyard.models.errors import NotSerializableError
from batchyard.models.layers import Dense, NamedOperation
from batchyard.models.layers.registry import layers as registry
from batchyard.models.saving.for_keras_2 import known
from tests.oracle.later_models import FIRST, SAME, SCALED, later_rmsprop, masked, operation, trained

API = json.loads((Path(__file__).parent / "data" / "keras_2_2_4_api.json").read_text())


def one(values):
    return values if len(values) > 1 else values[0]


def quietly(call, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return call(*arguments, **options)


def classes_in(path):
    with h5py.File(path) as file:
        config = json.loads(file.attrs["model_config"])
    found, waiting = set(), [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found |= {value.get("class_name")} & set(registry)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return found


class TestForKeras2:
    @pytest.mark.parametrize("make", [*SAME, *SCALED, masked])
    def test_its_classes_compute_the_same_numbers(self, make, tmp_path):
        model, x, y = trained(make)
        quietly(model.save, tmp_path / "m.h5", target="keras2")
        assert classes_in(tmp_path / "m.h5") <= known.LAYERS
        again = load_model(tmp_path / "m.h5")
        np.testing.assert_allclose(again.predict(one(x)), model.predict(one(x)), rtol=1e-5, atol=1e-6)
        if make in SCALED:
            assert again.optimizer.iterations == 0
            return
        ours, theirs = ([each.train_on_batch(one(x), one(y)) for _ in range(3)] for each in (model, again))
        np.testing.assert_allclose(ours, theirs, rtol=5e-3 if make is later_rmsprop else 1e-5)

    def test_a_model_of_its_own_classes_is_written_as_it_is(self, tmp_path):
        model = Sequential([layers.LSTM(2, input_shape=(3, 2)), Dense(1)])
        model.compile("adam", "mse")
        model.train_on_batch(np.ones((2, 3, 2)), np.ones((2, 1)))
        for name, target in (("default.h5", None), ("keras2.h5", "keras2")):
            model.save(tmp_path / name, target=target)
        assert (tmp_path / "default.h5").read_bytes() == (tmp_path / "keras2.h5").read_bytes()

    def test_equal_models_give_equal_bytes(self, tmp_path):
        model, _, _ = trained(SAME[0])
        for name in ("a.h5", "b.h5"):
            model.save(tmp_path / name, target="keras2")
        assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()

    def test_saving_draws_no_random_numbers(self, tmp_path):
        import torch

        model, _, _ = trained(SAME[0])
        before = torch.get_rng_state()
        model.save(tmp_path / "m.h5", target="keras2")
        assert torch.equal(torch.get_rng_state(), before)

    @pytest.mark.parametrize(
        ("layer", "told"),
        [
            (lambda: layers.LayerNormalization(name="norm"), r"the class LayerNormalization of layer 'norm'"),
            (lambda: NamedOperation("erf", [FIRST], name="e"), r"class NamedOperation \(erf\) of layer 'e'"),
            (lambda: NamedOperation("add", [FIRST, [1.0, 2.0]], name="e"), r"NamedOperation \(add\)"),
            (
                lambda: layers.Dense(2, activation="gelu", name="d"),
                r"activation='gelu' of layer 'd' \(Dense\)",
            ),
            (
                lambda: layers.Bidirectional(
                    layers.SimpleRNN(2, activation="swish", name="rnn"), input_shape=(3, 2)
                ),
                r"activation='silu' of layer 'rnn' \(SimpleRNN\)",
            ),
        ],
    )
    def test_what_it_has_no_layers_for_is_refused_by_name(self, layer, told, tmp_path):
        begin = Input((3, 2) if "RNN" in told else (2,))
        model = Model(begin, layer()(begin))
        with pytest.raises(NotSerializableError, match=told):
            model.save(tmp_path / "m.h5", target="keras2")
        assert not (tmp_path / "m.h5").exists()
        with pytest.warns(UserWarning, match=rf"Keras 2\.2\.4 can't open.*{told}"):
            model.save(tmp_path / "m.h5")

    def test_an_optimizer_of_another_state_is_refused(self, tmp_path):
        model = Sequential([Dense(1, input_shape=(2,))])
        model.compile(optimizers.LaterRMSprop(momentum=0.5), "mse")
        with pytest.raises(NotSerializableError, match=r"RMSprop with momentum.*include_optimizer=False"):
            model.save(tmp_path / "m.h5", target="keras2")
        model.save(tmp_path / "m.h5", target="keras2", include_optimizer=False)

    def test_a_loss_that_is_an_object_is_refused(self, tmp_path):
        model = Sequential([Dense(1, input_shape=(2,))])
        model.compile("sgd", losses.Huber(delta=2.0))
        with pytest.raises(NotSerializableError, match=r"the loss Huber\(delta=2\.0\)"):
            model.save(tmp_path / "m.h5", target="keras2")


class TestByDefault:
    @pytest.mark.parametrize("make", [*SAME, *SCALED, masked])
    def test_it_is_exactly_itself_here_and_a_warning_tells_that_keras_2_lacks_something(self, make, tmp_path):
        model, x, y = trained(make)
        with pytest.warns(UserWarning, match=r"Keras 2\.2\.4 can't open this file.*target='keras2'"):
            model.save(tmp_path / "m.h5")
        again = load_model(tmp_path / "m.h5")
        assert again.get_config() == model.get_config()
        inputs, targets = one(x), one(y)
        assert again.predict(inputs).tobytes() == model.predict(inputs).tobytes()
        for _ in range(2):
            assert again.train_on_batch(inputs, targets) == model.train_on_batch(inputs, targets)

    def test_six_differences_are_told_and_the_others_counted(self, tmp_path):
        begin = x = Input((3,))
        for number in range(8):
            x = NamedOperation("tanh", [FIRST], name=f"t{number}")(x)
        with pytest.warns(UserWarning, match=r"'t0'.*'t5'; and 2 more"):
            Model(begin, x).save(tmp_path / "m.h5")


class TestNames:
    """What is said to be known is what Keras 2.2.4 has."""

    def test_layers(self):
        theirs = {*API["keras.layers"], *API["keras.legacy.layers"], "Model", "Sequential"}
        ours = {registry.find(name).__name__ for name in registry if name in theirs}
        assert ours == known.LAYERS

    def test_activations(self):
        functions = set(API["keras.activations"])
        from batchyard.models.activations.functions import activations as all_of_them

        assert functions & set(all_of_them) == known.ACTIVATIONS
        assert hasattr(activations, "relu")

    def test_optimizers(self):
        assert {name for name in API["keras.optimizers"] if name in vars(optimizers)} >= known.OPTIMIZERS
        assert "LaterRMSprop" not in known.OPTIMIZERS

    def test_losses_that_are_objects(self):
        objects = {name for name, value in vars(losses).items() if inspect.isclass(value)}
        assert objects == known.LOSS_CLASSES


def test_operations_that_mix_rows_have_no_layer(tmp_path):
    begin = Input((4, 6))
    model = Model(begin, operation("reshape", FIRST, [-1, 6])(begin))
    with pytest.raises(NotSerializableError, match=r"NamedOperation \(reshape\)"):
        model.save(tmp_path / "m.h5", target="keras2")
