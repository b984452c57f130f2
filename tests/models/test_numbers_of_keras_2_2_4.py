"""Outputs, losses, gradients and ten optimizer steps, compared with records of Keras 2.2.4 (tests/oracle)."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from batchyard import models

ROOT = Path(__file__).parents[1]
OURS = SimpleNamespace(
    layers=models.layers,
    models=models,
    optimizers=models.optimizers,
    regularizers=models.regularizers,
    constraints=models.constraints,
)


def load_cases():
    spec = importlib.util.spec_from_file_location("keras_cases", ROOT / "oracle" / "keras_cases.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cases = load_cases()


@pytest.fixture(scope="module")
def recorded():
    with np.load(ROOT / "models" / "data" / "keras_2_2_4.npz") as file:
        return {name: file[name] for name in file.files}


def built(name):
    models.backend.clear_session()
    build, data = cases.CASES[name]
    model, (optimizer, loss, metrics) = build(OURS)
    model.set_weights(cases.initial_weights([w.shape for w in model.get_weights()]))
    model.compile(optimizer, loss, metrics=metrics)
    return model, *data()


def expected(recorded, name, key):
    found = sorted(k for k in recorded if k.startswith(f"{name}/{key}/"))
    return [recorded[k] for k in found]


def agree(ours, theirs, tolerance=1e-5):
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", sorted(cases.CASES))
def test_predictions_and_losses_are_those_of_keras(name, recorded):
    model, x, y, weights = built(name)
    assert model.metrics_names == list(recorded[f"{name}/names"])
    agree(cases.as_list(model.predict(x)), expected(recorded, name, "predicted"))
    evaluated = cases.as_list(model.evaluate(x, y, sample_weight=weights, verbose=0))
    agree(evaluated, expected(recorded, name, "evaluated"))


@pytest.mark.parametrize("name", sorted(cases.CASES))
def test_gradients_are_those_of_keras(name, recorded):
    model, x, y, weights = built(name)
    agree(gradients(model, x, y, weights), expected(recorded, name, "gradients"))


@pytest.mark.parametrize("name", sorted(cases.CASES))
def test_ten_steps_lead_where_keras_goes(name, recorded):
    model, x, y, weights = built(name)
    logs = [model.train_on_batch(x, y, sample_weight=weights) for _ in range(cases.STEPS)]
    agree([np.asarray(logs)], expected(recorded, name, "trained_logs"), 5e-5)
    agree([w.detach().numpy() for w in model.trainable_weights], expected(recorded, name, "trained"), 5e-5)


def gradients(model, x, y, weights, lanes=1):
    from batchyard.models.training import LocalStrategy, TensorBatch
    from batchyard.models.training.adapt import columns_of
    from batchyard.models.training.step import TrainStep

    batch = TensorBatch(columns_of(model, x, y, weights))
    step, strategy = TrainStep(model, lanes), LocalStrategy(lanes)
    strategy.lane_spec = step.spec(batch, 0)
    return [g.numpy() for g in strategy.reduce(step.results(batch, 0, 0, 0, strategy.owned_lanes)).grads]


@pytest.mark.parametrize("name", sorted(n for n in cases.CASES if "batch_norm" not in n and n != "convnet"))
def test_gradients_summed_over_lanes_are_those_of_the_whole_batch(name, recorded):
    model, x, y, weights = built(name)
    agree(gradients(model, x, y, weights, lanes=4), expected(recorded, name, "gradients"))


def test_moving_averages_follow_the_documented_formula():
    layer = models.layers.BatchNormalization(momentum=0.9, input_shape=(3, 2, 5))
    model = models.Sequential([layer, models.layers.Flatten(), models.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.random.RandomState(0).rand(6, 3, 2, 5).astype("float32")
    model.train_on_batch(x, np.zeros((6, 1)))
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    unbiased = variance * 36 / (36 - 1.001)
    np.testing.assert_allclose(layer.moving_mean.detach(), 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.detach(), 0.9 + 0.1 * unbiased, rtol=1e-5)
    assert torch.is_tensor(layer.moving_mean)
