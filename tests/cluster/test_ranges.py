"""Predict and evaluate: every row once, in input order, with the same bits, whoever was killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from batchyard.scheduler import Client
from tests.cluster.conftest import ROWS
from tests.cluster.watching import file_hash, kill, wait_for_progress, wait_for_workers


@pytest.fixture(scope="module")
def model(system: Any, fit_spec: dict[str, Any]) -> str:
    with Client(system.url) as client:
        path = client.submit({**fit_spec, "epochs": 1}).result(timeout=300).paths.model
    assert path is not None
    return str(path)


@pytest.fixture
def predict_spec(fit_spec: dict[str, Any], model: str, material: Path) -> dict[str, Any]:
    return {
        "name": "stripes-predict",
        "kind": "predict",
        "model": model,
        "data": {"file": str(material / "data.h5"), "x": "x"},
        "batch_size": 7,  # the last batch is not full
        "output": fit_spec["output"],
    }


@pytest.fixture(scope="module")
def expected(model: str, material: Path) -> np.ndarray:
    """What the model says in this process, row for row."""
    from batchyard.models import load_model

    with h5py.File(material / "data.h5") as file:
        return np.asarray(load_model(model).predict(file["x"][:], batch_size=7))


def test_one_and_three_workers_write_the_same_bytes(
    client: Client, predict_spec: dict[str, Any], expected: np.ndarray
) -> None:
    wait_for_workers(client, 3)
    paths = []
    for workers in (1, 3):
        job = client.submit({**predict_spec, "workers": {"min": workers, "max": workers}})
        result = job.result(timeout=300)
        paths.append(result.paths.predictions)
        np.testing.assert_allclose(result.predictions[:], expected, rtol=1e-5, atol=1e-6)
    assert file_hash(paths[0]) == file_hash(paths[1])


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(
    client: Client, predict_spec: dict[str, Any], expected: np.ndarray
) -> None:
    wait_for_workers(client, 3)
    calm = client.submit({**predict_spec, "batch_size": 1}).result(timeout=300)
    job = client.submit({**predict_spec, "batch_size": 1, "workers": {"min": 1, "max": 3}})
    wait_for_progress(client, job, 8)
    busy = {task.incarnation for task in client.store.tasks(job.id)}
    kill(next(worker for worker in client.workers() if worker.incarnation in busy))
    result = job.result(timeout=300)
    assert result.predictions.shape == (ROWS, 4)
    assert file_hash(result.paths.predictions) == file_hash(calm.paths.predictions)  # type: ignore[arg-type]
    ledger = client.store.ledger(job.id)
    assert [b for entry in ledger for b in range(entry.start, entry.stop)] == list(range(ROWS))


def test_evaluate_gives_what_the_model_gives_in_one_process(
    client: Client, fit_spec: dict[str, Any], predict_spec: dict[str, Any], material: Path, model: str
) -> None:
    from batchyard.models import load_model

    wait_for_workers(client, 3)
    data = {"file": str(material / "data.h5"), "x": "x", "y": "y"}
    found = []
    for workers in (1, 3):
        spec = {**predict_spec, "kind": "evaluate", "name": "e", "data": data}
        found.append(client.submit({**spec, "workers": workers}).result(timeout=300).metrics)
    assert found[0] == found[1]
    with h5py.File(material / "data.h5") as file:
        loss, accuracy = load_model(model).evaluate(file["x"][:], file["y"][:], verbose=0)
    assert found[0]["loss"] == pytest.approx(loss, rel=1e-5)
    assert found[0]["acc"] == pytest.approx(accuracy)
