"""Recurrent layers, wrappers and Embedding, compared with records of Keras 2.2.4 (tests/oracle)."""

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from batchyard import models
from batchyard.models.training import LocalStrategy, TensorBatch
from batchyard.models.training.adapt import columns_of
from batchyard.models.training.step import TrainStep

ROOT = Path(__file__).parents[1]
OURS = SimpleNamespace(layers=models.layers, models=models)


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "oracle" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_cases():
    before = sys.modules.get("keras_cases")
    sys.modules["keras_cases"] = load("keras_cases")  # what the cases import
    try:
        return load("recurrent_cases")
    finally:
        if before is None:
            del sys.modules["keras_cases"]
        else:
            sys.modules["keras_cases"] = before


cases = load_cases()


@pytest.fixture(scope="module")
def recorded():
    with np.load(ROOT / "models" / "data" / "recurrent.npz") as file:
        return {name: file[name] for name in file.files}


def built(name):
    models.backend.clear_session()
    build, data = cases.CASES[name]
    model, (optimizer, loss, metrics) = build(OURS)
    x, y, _ = data()
    if not model.built:
        model.build((None, *x.shape[1:]))
    model.set_weights(cases.initial_weights([w.shape for w in model.get_weights()]))
    model.compile(optimizer, loss, metrics=metrics)
    return model, x, y


def as_list(value):
    return list(value) if isinstance(value, list | tuple) else [value]


def expected(recorded, name, key):
    found = sorted(k for k in recorded if k.startswith(f"{name}/{key}/"))
    return [recorded[k] for k in found]


def agree(ours, theirs, tolerance=1e-5):
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", sorted(cases.CASES))
def test_outputs_losses_and_gradients_are_those_of_keras(name, recorded):
    model, x, y = built(name)
    agree(as_list(model.predict(x)), expected(recorded, name, "predicted"))
    agree(as_list(model.evaluate(x, y, verbose=0)), expected(recorded, name, "evaluated"))
    batch = TensorBatch(columns_of(model, x, y))
    strategy = LocalStrategy()
    total = strategy.reduce(TrainStep(model, 1).results(batch, 0, 0, 0, strategy.owned_lanes))
    agree([g.numpy() for g in total.grads], expected(recorded, name, "gradients"))


@pytest.mark.parametrize("name", sorted(cases.CASES))
def test_ten_steps_lead_where_keras_goes(name, recorded):
    model, x, y = built(name)
    logs = [model.train_on_batch(x, y) for _ in range(10)]
    agree([np.asarray(logs)], expected(recorded, name, "trained_logs"), 5e-5)
    agree([w.detach().numpy() for w in model.trainable_weights], expected(recorded, name, "trained"), 5e-5)


@pytest.mark.parametrize("name", sorted(cases.CASES))
def test_weights_are_named_and_ordered_as_by_keras(name, recorded):
    model, _, _ = built(name)
    names = [w.keras_name for layer in model.layers for w in layer.weights]
    assert names == list(recorded[f"{name}/weight_names"])


@pytest.mark.parametrize("name", sorted(cases.CASES))
def test_configurations_are_those_of_keras(name, recorded):
    model, _, _ = built(name)
    ours = json.loads(json.dumps(model.get_config(), default=str))
    theirs = json.loads(str(recorded[f"{name}/config"]))
    if isinstance(theirs, list):
        theirs = {"layers": theirs}
    for mine, other in zip(ours["layers"], theirs["layers"], strict=True):
        assert mine["class_name"] == other["class_name"]
        assert plain(mine["config"]) == plain(other["config"])


def plain(config):
    """Without what a layer writes here and not there: null values that are the default."""
    if isinstance(config, dict):
        return {key: plain(value) for key, value in config.items() if value is not None}
    return config


@pytest.mark.parametrize("name", sorted(cases.CASES))
def test_a_model_comes_back_from_its_file(name, tmp_path):
    model, x, y = built(name)
    model.train_on_batch(x, y)
    predicted = as_list(model.predict(x))
    model.save(tmp_path / "model.h5")
    copy = models.load_model(tmp_path / "model.h5")
    for mine, other in zip(as_list(copy.predict(x)), predicted, strict=True):
        assert np.array_equal(mine, other)
    assert copy.get_config() == model.get_config()
    assert copy.train_on_batch(x, y) == model.train_on_batch(x, y)


@pytest.mark.parametrize("name", ["lstm_sigmoid", "gru_reset_after_sigmoid", "simple_rnn"])
def test_torchs_kernels_and_single_steps_agree(name):
    model, x, _ = built(name)
    layer = next(one for one in model.layers if hasattr(one, "cell"))
    tensor = torch.from_numpy(x)
    everything = torch.ones(tensor.shape[:2], dtype=torch.bool)
    for fused, stepped in zip(as_list(layer(tensor)), as_list(layer(tensor, mask=everything)), strict=True):
        torch.testing.assert_close(fused, stepped, rtol=1e-5, atol=1e-6)
