"""Optimizers of tf.keras and Keras 3: what goes on here, and what is said by name not to."""

import io

import numpy as np
import pytest

from batchyard.models import Sequential, load_model, optimizers
from batchyard.models.errors import NotSerializableError
from batchyard.models.layers import Dense
from batchyard.models.saving.foreign.objectives import CannotMap
from batchyard.models.saving.foreign.optimizers import rewrite_optimizer
from batchyard.models.saving.foreign.producer import KERAS_3, Producer
from tests.models.test_saving_other_versions import DATA


def model_with(optimizer):
    model = Sequential([Dense(2, input_shape=(3,), use_bias=False)])
    model.compile(optimizer, "mse")
    return model


def rewritten(name, **config):
    described = {"class_name": name, "config": {"learning_rate": 0.5, **config}}
    return rewrite_optimizer(described, Producer(KERAS_3, "3.5.0"))


@pytest.mark.parametrize("amsgrad", [False, True])
def test_adamw_takes_its_share_of_a_weight_before_adams_step(amsgrad):
    x, y = np.eye(3, dtype="float32"), np.ones((3, 2), "float32")
    decaying = model_with(optimizers.AdamW(lr=0.1, weight_decay=0.5, amsgrad=amsgrad))
    plain = model_with(optimizers.Adam(lr=0.1, amsgrad=amsgrad))
    plain.set_weights(decaying.get_weights())
    decayed = 0.95 * decaying.get_weights()[0]
    step = -plain.get_weights()[0]
    for model in (decaying, plain):
        model.train_on_batch(x, y)
    step += plain.get_weights()[0]
    np.testing.assert_allclose(decaying.get_weights()[0], decayed + step, rtol=1e-5)


@pytest.mark.parametrize("target", [None, "keras"])
def test_adamw_goes_on_from_files(target):
    x, y = np.eye(3, dtype="float32"), np.ones((3, 2), "float32")
    model = model_with(optimizers.AdamW(lr=0.1, weight_decay=0.5))
    model.train_on_batch(x, y)
    stream = io.BytesIO()
    if target is None:
        with pytest.warns(UserWarning, match=r"Keras 2\.2\.4 can't open.*the optimizer AdamW"):
            model.save(stream)
        with pytest.raises(NotSerializableError, match="the optimizer AdamW"):
            model.save(io.BytesIO(), target="keras2")
    else:
        model.save(stream, target=target)
    again = load_model(stream)
    assert type(again.optimizer) is optimizers.AdamW
    for _ in range(3):
        assert again.train_on_batch(x, y) == pytest.approx(model.train_on_batch(x, y), rel=1e-6)


def test_adam_with_weight_decay_is_adamw():
    assert rewritten("Adam", weight_decay=0.1)["class_name"] == "AdamW"
    assert rewritten("Adam", weight_decay=None) == {"class_name": "Adam", "config": {"lr": 0.5}}
    assert rewritten("AdamW", weight_decay=0.0) == {"class_name": "Adam", "config": {"lr": 0.5}}


@pytest.mark.parametrize("name", ["Adafactor", "Ftrl", "Lamb", "Lion", "LossScaleOptimizer", "Muon"])
def test_an_optimizer_that_is_not_here_is_named(name):
    with pytest.raises(CannotMap, match=f"the optimizer {name}, which isn't here"):
        rewritten(name)


@pytest.mark.parametrize(
    ("name", "config", "told"),
    [
        ("Adagrad", {"epsilon": 0.001}, r"Adagrad\(epsilon=0\.001\) with epsilon under the root"),
        ("Adam", {"use_ema": True}, r"Adam\(use_ema=True\)"),
        ("SGD", {"weight_decay": 0.1}, r"SGD\(weight_decay=0\.1\)"),
        ("SGD", {"gradient_accumulation_steps": 2}, r"SGD\(gradient_accumulation_steps=2\)"),
    ],
)
def test_an_argument_that_is_not_here_is_named(name, config, told):
    with pytest.raises(CannotMap, match=told):
        rewritten(name, **config)


def test_a_schedule_that_is_keras_2s_decay_goes_on():
    schedule = {"initial_learning_rate": 0.5, "decay_rate": 0.5, "decay_steps": 4, "staircase": False}
    described = {"class_name": "InverseTimeDecay", "config": schedule}
    assert rewritten("SGD", learning_rate=described)["config"] == {"lr": 0.5, "decay": 0.125}
    with pytest.raises(CannotMap, match="the schedule InverseTimeDecay"):
        rewritten("SGD", learning_rate={**described, "config": {**schedule, "staircase": True}})


def test_decay_goes_on_from_archives():
    x, y = np.eye(3, dtype="float32"), np.ones((3, 2), "float32")
    model = model_with(optimizers.Adam(lr=0.1, decay=0.25))
    model.train_on_batch(x, y)
    stream = io.BytesIO()
    model.save(stream, target="keras")
    again = load_model(stream)
    for _ in range(3):
        assert again.train_on_batch(x, y) == pytest.approx(model.train_on_batch(x, y), rel=1e-6)


@pytest.mark.parametrize("target", [None, "keras"])
def test_clipnorm_of_later_versions_clips_each_gradient(target):
    config = rewritten("SGD", clipnorm=0.5)["config"]
    assert config == {"lr": 0.5, "clipnorm": 0.5, "clips_each": True}
    assert "clips_each" not in rewritten("SGD", global_clipnorm=0.5)["config"]
    x, y = np.eye(3, dtype="float32"), np.full((3, 2), 9.0, "float32")
    model = Sequential([Dense(2, input_shape=(3,)), Dense(2)])
    model.compile(optimizers.SGD.from_config(config), "mse")
    before = model.get_weights()
    model.train_on_batch(x, y)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.linalg.norm(new - old) == pytest.approx(0.5 * 0.5, rel=1e-4)
    stream = io.BytesIO()
    if target is None:
        with pytest.warns(UserWarning, match=r"each gradient on its own.*Keras 2\.2\.4 clips them all"):
            model.save(stream)
        with pytest.raises(NotSerializableError, match=r"each gradient on its own \(clipnorm=0\.5"):
            model.save(io.BytesIO(), target="keras2")
    else:
        model.save(stream, target=target)
    again = load_model(stream)
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert again.train_on_batch(x, y) == pytest.approx(model.train_on_batch(x, y), rel=1e-6)


def test_nadam_of_tf_keras_is_warned_of_in_its_first_steps():
    with pytest.warns(UserWarning, match="3 steps by tf.keras's Nadam.*some 50 steps"):
        model = load_model(DATA / "warned" / "tf_keras_nadam.h5")
    assert model.optimizer.iterations == 3
    assert all(slot.any() for slot in model.optimizer.slots)
