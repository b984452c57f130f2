"""Masked losses and stateful layers over a crew: the bits of one worker, also after one was killed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from batchyard.scheduler import Client
from batchyard.scheduler.protocol import EventKind
from tests.cluster.test_same_bits import final_hash, train
from tests.cluster.watching import kill, members, wait_for_epoch, wait_for_workers

#: A last batch of 2 rows leaves two of four lanes empty in the masked model.
ROWS, STATEFUL_ROWS, STEPS = 258, 256, 12


def layer(class_name: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": name, **config}}


MASKED = [
    layer("Embedding", "words", input_dim=30, output_dim=8, mask_zero=True, batch_input_shape=[None, STEPS]),
    layer("Dropout", "drop", rate=0.2),
    layer("LSTM", "memory", units=8, return_sequences=True),
    layer("TimeDistributed", "tags", layer=layer("Dense", "tag", units=4, activation="softmax")),
]
STATEFUL = [
    layer("LSTM", "first", units=6, stateful=True, return_sequences=True, batch_input_shape=[32, STEPS, 1]),
    layer("GRU", "second", units=6, stateful=True),
    layer("Dense", "tag", units=4, activation="softmax"),
]


@pytest.fixture(scope="module", params=["masked", "stateful"])
def spec(request: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    masked = request.param == "masked"
    config = {"name": "net", "layers": MASKED if masked else STATEFUL}
    (folder / "model.json").write_text(json.dumps({"class_name": "Sequential", "config": config}))
    rng = np.random.default_rng(3)
    rows = ROWS if masked else STATEFUL_ROWS
    words = rng.integers(1, 30, (rows, STEPS))
    if masked:
        words[np.arange(STEPS) >= rng.integers(1, STEPS + 1, rows)[:, None]] = 0
    with h5py.File(folder / "data.h5", "w") as file:
        file["x"] = words if masked else (words / 30.0).astype("float32")[:, :, None]
        file["y"] = np.eye(4, dtype="float32")[words % 4 if masked else words[:, -1] % 4]
    return {
        "name": request.param,
        "kind": "fit",
        "model": str(folder / "model.json"),
        "compile": {"optimizer": "adam", "loss": "categorical_crossentropy", "metrics": ["accuracy"]},
        "data": {"file": str(folder / "data.h5"), "x": "x", "y": "y"},
        "validation": {"split": 0.25},
        "shuffle": masked,
        "epochs": 4,
        "batch_size": 32,
        "lanes": 4,
        "checkpoint": {"every_steps": 3},
        "output": str(folder / "runs"),
    }


@pytest.fixture(scope="module")
def of_one_worker(system: Any, spec: dict[str, Any]) -> str:
    with Client(system.url) as client:
        return final_hash(train(client, spec, 1))


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_any_number_of_workers_gives_the_bits_of_one(
    client: Client, spec: dict[str, Any], of_one_worker: str, workers: int
) -> None:
    assert final_hash(train(client, spec, workers)) == of_one_worker


@pytest.mark.parametrize("lost", [1, 3])
def test_workers_killed_in_mid_epoch_change_no_bit(
    client: Client, spec: dict[str, Any], of_one_worker: str, lost: int
) -> None:
    """One of three, or all: then the job goes on from a checkpoint in mid-epoch."""
    wait_for_workers(client, 3)
    job = client.submit({**spec, "epochs": 4, "workers": {"min": 1, "max": 3}})
    wait_for_epoch(job, 0)
    for worker in members(client, job)[:lost]:
        kill(worker)
    assert final_hash(job) == of_one_worker
    assert len([event for event in job.events() if event.kind == EventKind.CREW]) >= 2


def test_half_precision_gives_the_bits_of_one_worker_too(client: Client, spec: dict[str, Any]) -> None:
    half = {**spec, "epochs": 2, "compile": {**spec["compile"], "mixed_precision": "float16"}}
    assert final_hash(train(client, half, 3)) == final_hash(train(client, half, 1))
