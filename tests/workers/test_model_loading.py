"""Models out of job specifications."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from batchyard.models import Model
from batchyard.models.training.computation import computation_of
from batchyard.scheduler.jobs import JobSpec
from batchyard.workers.environment import ALLOW_CODE
from batchyard.workers.errors import ModelSpecError, UserCodeError
from batchyard.workers.model_loading import model_from_spec
from tests.workers.crew_yard import MODEL

COMPILE = {"optimizer": {"class_name": "Adam", "config": {"lr": 0.01}}, "loss": "mse", "metrics": ["mae"]}
NETS = """
import numpy as np
from batchyard.models import Sequential
from batchyard.models.layers import Dense
def net():
    model = Sequential([Dense(3, input_shape=(4,))])
    model.layers[0].set_weights([np.random.normal(size=(4, 3)), np.zeros(3)])
    return model
def number(): return 3
"""


def spec(model: str, kind: str = "fit", **fields: Any) -> JobSpec:
    data = {"file": "/none.h5", "x": "x", "y": "y"}
    return JobSpec.model_validate({"kind": kind, "model": model, "data": data, "compile": COMPILE, **fields})


def weights(model: Model) -> list[np.ndarray[Any, Any]]:
    return [weight.copy() for weight in model.get_weights()]


def equal(first: list[np.ndarray[Any, Any]], second: list[np.ndarray[Any, Any]]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture
def configuration(tmp_path: Path) -> str:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(MODEL))
    return str(path)


def test_a_job_says_how_its_model_computes(configuration: str) -> None:
    plain = computation_of(model_from_spec(spec(configuration), 1))
    assert (plain.mixed_precision, plain.jit_compile) == (None, False)
    section = {**COMPILE, "mixed_precision": "float16", "jit_compile": True}
    told = computation_of(model_from_spec(spec(configuration, compile=section), 1))
    assert (told.mixed_precision, told.jit_compile) == ("float16", True)


def test_equal_seeds_give_equal_weights_whatever_was_drawn_before(configuration: str) -> None:
    first = weights(model_from_spec(spec(configuration), 1))
    torch.rand(7)
    before = torch.random.get_rng_state()
    assert equal(first, weights(model_from_spec(spec(configuration), 1)))
    assert torch.equal(before, torch.random.get_rng_state())
    assert not equal(first, weights(model_from_spec(spec(configuration), 2)))


def test_a_saved_model_comes_back_with_its_weights_and_its_optimizer(
    configuration: str, tmp_path: Path
) -> None:
    model = model_from_spec(spec(configuration), 1)
    model.save(tmp_path / "model.h5")
    again = model_from_spec(spec(str(tmp_path / "model.h5"), compile=None), 99)
    assert equal(weights(model), weights(again))
    assert float(again.optimizer.lr) == pytest.approx(0.01)


def test_a_factory_is_seeded_too_and_its_names_do_not_count_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ALLOW_CODE, "1")
    (tmp_path / "nets_for_loading.py").write_text(NETS)
    job = spec("nets_for_loading:net", code_directory=str(tmp_path))
    first, second = (model_from_spec(job, 4) for _ in range(2))
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers] == ["dense_1"]
    assert equal(weights(first), weights(second))
    with pytest.raises(UserCodeError, match="expected a batchyard Model, received int"):
        model_from_spec(spec("nets_for_loading:number", code_directory=str(tmp_path)), 4)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.h5", b"no model"), ("a.json", b"{}"), ("a.json", b"{"), ("a.yaml", b"[1]"), ("a.h5", b"")],
)
def test_a_file_that_is_no_model_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelSpecError, match=name):
        model_from_spec(spec(str(tmp_path / name)), 1)


def test_a_missing_file_and_a_missing_compilation_are_said(configuration: str, tmp_path: Path) -> None:
    with pytest.raises(ModelSpecError, match="no such model file"):
        model_from_spec(spec(str(tmp_path / "gone.h5")), 1)
    with pytest.raises(ModelSpecError, match="not compiled"):
        model_from_spec(spec(configuration, compile=None), 1)
    assert model_from_spec(spec(configuration, kind="predict", compile=None), 1) is not None
