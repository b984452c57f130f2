"""Backend functions, merge layers and masks, compared with records of Keras 2.2.4 (tests/oracle)."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from batchyard import models
from batchyard.models import backend as K

ROOT = Path(__file__).parents[1]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "oracle" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


calls = load("backend_cases").CASES
cases = load("merge_and_mask_cases").CASES


def read(name):
    with np.load(ROOT / "models" / "data" / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def of_backend():
    return read("backend")


@pytest.fixture(scope="module")
def of_models():
    return read("merge_and_masks")


def as_list(value):
    return list(value) if isinstance(value, list | tuple) else [value]


def agree(mine, theirs, tolerance=1e-5):
    assert np.shape(mine) == np.shape(theirs)
    np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", sorted(calls))
def test_a_backend_function_computes_what_keras_computes(name, of_backend):
    results = as_list(calls[name](K))
    assert len(results) == sum(key.startswith(f"{name}/") for key in of_backend)
    for number, result in enumerate(results):
        agree(K.eval(result), of_backend[f"{name}/{number}"])


@pytest.mark.parametrize("name", sorted(cases))
def test_merged_and_masked_models_compute_what_keras_computes(name, of_models):
    build, data = cases[name]
    model, arguments = build(models.layers, models)
    x, y, weights = data()
    source = np.random.RandomState(42)
    model.set_weights([source.uniform(-0.6, 0.6, w.shape) for w in model.get_weights()])
    for number, value in enumerate(as_list(model.predict(x))):
        agree(value, of_models[f"{name}/predicted/{number}"])
    if y is None:
        return
    model.compile(**arguments)
    agree(
        model.evaluate(x, y, sample_weight=weights, batch_size=4, verbose=0), of_models[f"{name}/evaluated"]
    )
    logs = [model.train_on_batch(x, y, sample_weight=weights) for _ in range(5)]
    agree(logs, of_models[f"{name}/logs"], 5e-5)
    for number, value in enumerate(model.get_weights()):
        agree(value, of_models[f"{name}/trained/{number:02d}"], 5e-5)
