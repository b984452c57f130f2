"""What goes wrong in a computation is said in one line by status, in full by logs, and harms no worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from batchyard.scheduler import Client
from batchyard.scheduler.errors import JobFailed
from batchyard.scheduler.protocol import JobState
from tests.cluster.watching import wait_for_workers

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def healthy(client: Client) -> Any:
    """Whatever a test did to a job: the same processes still beat."""
    before = {worker.incarnation for worker in wait_for_workers(client, 4)}
    yield
    assert before == {worker.incarnation for worker in client.workers() if worker.beating}


def failure(client: Client, spec: dict[str, Any]) -> tuple[str, str]:
    """Run a job that must fail; return its one-line reason and its log."""
    job = client.submit(spec)
    with pytest.raises(JobFailed):
        job.result(timeout=120)
    status = job.status()
    assert status.state == JobState.FAILED
    assert "\n" not in status.reason
    return status.reason, "\n".join(job.logs())


def test_a_loss_that_becomes_nan_fails_the_job_and_says_when(
    client: Client, fit_spec: dict[str, Any]
) -> None:
    spec = {**fit_spec, "data": {**fit_spec["data"], "x": "x_with_nan"}}
    reason, _ = failure(client, spec)
    assert "nan" in reason.lower()
    assert "epoch 1" in reason


def test_a_layer_that_raises_fails_the_job_with_its_own_words_and_traceback(
    client: Client, fit_spec: dict[str, Any]
) -> None:
    spec = {
        **fit_spec,
        "model": "tests.cluster.trouble:factory",
        "code_directory": str(ROOT),
        "data": {**fit_spec["data"], "x": "x_with_nan"},
    }
    reason, log = failure(client, spec)
    assert "this layer refuses a NaN" in reason
    assert "Traceback" in log
    assert "trouble.py" in log


def test_a_batch_that_always_fails_is_named_by_its_rows(client: Client, fit_spec: dict[str, Any]) -> None:
    spec = {
        "name": "poison",
        "kind": "predict",
        "model": "tests.cluster.trouble:factory",
        "code_directory": str(ROOT),
        "data": {"file": fit_spec["data"]["file"], "x": "x_with_nan"},
        "batch_size": 10,
        "retries": 1,
        "output": fit_spec["output"],
    }
    reason, log = failure(client, spec)
    assert "700" in reason
    assert "this layer refuses a NaN" in log


def test_a_quarantined_batch_is_left_out_where_the_job_says_so(
    client: Client, fit_spec: dict[str, Any]
) -> None:
    spec = {
        "name": "poison",
        "kind": "predict",
        "model": "tests.cluster.trouble:factory",
        "code_directory": str(ROOT),
        "data": {"file": fit_spec["data"]["file"], "x": "x_with_nan"},
        "batch_size": 10,
        "retries": 0,
        "on_error": "continue",
        "output": fit_spec["output"],
    }
    result = client.submit(spec).result(timeout=120)
    rows = np.flatnonzero(np.isnan(result.predictions[:]).any(axis=1))
    assert rows.tolist() == list(range(700, 710))
    assert result.reason == "quarantined: rows 700 to 709 have no result"


def test_a_damaged_file_is_named(client: Client, fit_spec: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    with h5py.File(path, "w") as file:
        x = np.random.default_rng(0).normal(size=(256, 8, 8, 1)).astype("float32")
        file.create_dataset("x", data=x, chunks=(16, 8, 8, 1), compression="gzip")
        file["y"] = np.eye(4, dtype="float32")[np.arange(256) % 4]
        offset = file["x"].id.get_chunk_info(7).byte_offset
    with path.open("r+b") as raw:
        raw.seek(offset)
        raw.write(b"\xff" * 64)
    reason, _ = failure(client, {**fit_spec, "data": {"file": str(path), "x": "x", "y": "y"}})
    assert "damaged.h5" in reason
