"""Optimizers that scripts define in Keras 2's way: the numbers of Keras 2.2.4, and what else they do."""

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from batchyard.models import Sequential, load_model, optimizers
from batchyard.models import backend as K
from batchyard.models.errors import GraphError, InvalidTypeError
from batchyard.models.layers import Dense
from batchyard.models.training.state import FitState, pack, unpack

ORACLE = Path(__file__).parents[1] / "oracle"
EXPECTED = json.loads((Path(__file__).parent / "data" / "user_optimizers.json").read_text())
X = np.random.RandomState(1).normal(size=(8, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


@pytest.fixture(scope="module")
def script():
    """The script, for which our modules stand as Keras's: the alias would change this process for good."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("", ".backend", ".constraints", ".layers", ".optimizers"):
            patch.setitem(sys.modules, f"keras{name}", import_module(f"batchyard.models{name}"))
        patch.setitem(sys.modules, "keras.models", import_module("batchyard.models"))
        patch.syspath_prepend(str(ORACLE))
        yield import_module("user_optimizers")
        sys.modules.pop("user_optimizers")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_optimizer_of_a_script_trains_as_with_keras_2_2_4(name, script):
    expected, found = EXPECTED[name], script.train(name)
    np.testing.assert_allclose(found["losses"], expected["losses"], rtol=1e-5)
    assert found["lr"] == expected["lr"]
    for kind in ("weights", "state"):
        assert len(found[kind]) == len(expected[kind])
        for ours, theirs in zip(found[kind], expected[kind], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6)


def small(optimizer):
    model = Sequential([Dense(2, input_shape=(3,), activation="tanh", name="first"), Dense(1, name="last")])
    model.set_weights([np.linspace(-1, 1, w.numel()).reshape(tuple(w.shape)) for w in model.weights])
    model.compile(optimizer, "mse")
    return model


def trained(model, steps):
    for _ in range(steps):
        model.train_on_batch(X, Y)
    return model.get_weights()


@pytest.mark.parametrize("name", ["adamw", "accumulator_of_adam", "lookahead_of_adam", "lr_multipliers"])
def test_a_replacement_goes_on_with_the_same_bits(name, script):
    model = small(script.OPTIMIZERS[name]())
    trained(model, 4)
    kept = pack(model, FitState(seed=0))
    expected = trained(model, 3)
    other = small(script.OPTIMIZERS[name]())
    unpack(kept, other)
    for one, two in zip(trained(other, 3), expected, strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize("name", ["DecoupledAdam", "LRMultiplierSGD", "AccumulatingAdam"])
def test_a_model_is_saved_with_its_optimizer(name, script, tmp_path):
    model = small(getattr(script, name)(lr=0.05))
    trained(model, 4)
    model.save(tmp_path / "model.h5")
    other = load_model(tmp_path / "model.h5", custom_objects={name: getattr(script, name)})
    for one, two in zip(trained(other, 3), trained(model, 3), strict=True):
        assert np.array_equal(one, two)


def test_fit_with_lanes_gives_the_weights_of_one_lane(script):
    histories = []
    for lanes in (1, 4):
        model = small(script.DecoupledAdam(lr=0.05))
        model.fit(X, Y, batch_size=8, epochs=3, verbose=0, lanes=lanes)
        histories.append(model.get_weights())
    for one, two in zip(*histories, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5)


def test_callbacks_set_the_learning_rate(script):
    from batchyard.models.callbacks import LearningRateScheduler

    model = small(script.DecoupledAdam(lr=0.05))
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1))])
    assert float(K.get_value(model.optimizer.lr)) == 0.25


def test_gradients_may_be_changed_by_a_subclass():
    class Signs(optimizers.SGD):
        def get_gradients(self, loss, params):
            return [K.sign(gradient) for gradient in super().get_gradients(loss, params)]

    model = small(Signs(lr=0.5))
    before = model.get_weights()
    for one, two in zip(before, trained(model, 1), strict=True):
        np.testing.assert_allclose(np.abs(one - two), 0.5, rtol=1e-6)


def test_other_losses_than_the_given_one_are_refused():
    class Doubled(optimizers.Optimizer):
        def get_updates(self, loss, params):
            return [K.update_sub(p, g) for p, g in zip(params, K.gradients(2 * loss, params), strict=True)]

    with pytest.raises(GraphError, match="loss"):
        small(Doubled()).train_on_batch(X, Y)


def test_a_class_without_any_rule_is_refused():
    class Nothing(optimizers.Optimizer):
        pass

    with pytest.raises(InvalidTypeError, match="Define get_updates"):
        small(Nothing()).train_on_batch(X, Y)


def test_what_is_no_list_of_updates_is_refused():
    class Forgetful(optimizers.Optimizer):
        def get_updates(self, loss, params):
            self.updates = []

    with pytest.raises(InvalidTypeError, match="must return a list of updates"):
        small(Forgetful()).train_on_batch(X, Y)
