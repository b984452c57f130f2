"""A whole system for the tests of the cluster: private Redis, scheduler and workers as real processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from batchyard.scheduler import Client
from batchyard.scheduler.embedded import EmbeddedSystem

ROWS = 1024


def network(dropout: float = 0.25) -> dict[str, Any]:
    """The demo's kind of network, small: convolution, batch normalization, dropout."""
    layers = [
        {
            "class_name": "Conv2D",
            "config": {
                "name": "conv",
                "filters": 8,
                "kernel_size": [3, 3],
                "padding": "same",
                "batch_input_shape": [None, 8, 8, 1],
            },
        },
        {"class_name": "BatchNormalization", "config": {"name": "norm"}},
        {"class_name": "Activation", "config": {"name": "relu", "activation": "relu"}},
        {"class_name": "MaxPooling2D", "config": {"name": "pool", "pool_size": [2, 2]}},
        {"class_name": "Flatten", "config": {"name": "flat"}},
        {"class_name": "Dropout", "config": {"name": "drop", "rate": dropout}},
        {"class_name": "Dense", "config": {"name": "classes", "units": 4, "activation": "softmax"}},
    ]
    return {"class_name": "Sequential", "config": {"name": "net", "layers": layers}, "keras_version": "2.2.4"}


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `model.json` and `data.h5`: four kinds of noisy patterns, easy to tell apart."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "model.json").write_text(json.dumps(network()))
    rng = np.random.default_rng(7)
    kind = rng.integers(0, 4, ROWS)
    patterns = rng.normal(size=(4, 8, 8, 1))
    x = (patterns[kind] + rng.normal(scale=0.7, size=(ROWS, 8, 8, 1))).astype("float32")
    with h5py.File(folder / "data.h5", "w") as file:
        file["x"] = x
        file["y"] = np.eye(4, dtype="float32")[kind]
        bad = x.copy()
        bad[700] = np.nan
        file["x_with_nan"] = bad
    return folder


@pytest.fixture(scope="session")
def fit_spec(material: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A fit job with dropout, batch normalization and Adam over four lanes."""
    return {
        "name": "stripes",
        "kind": "fit",
        "model": str(material / "model.json"),
        "compile": {"optimizer": "adam", "loss": "categorical_crossentropy", "metrics": ["accuracy"]},
        "data": {"file": str(material / "data.h5"), "x": "x", "y": "y"},
        "validation": {"split": 0.125},
        "epochs": 3,
        "batch_size": 32,
        "lanes": 4,
        "seed": 5,
        "output": str(tmp_path_factory.mktemp("runs")),
    }


@pytest.fixture(scope="session")
def system() -> Iterator[EmbeddedSystem]:
    """Four CPU workers, shared by the tests; they may kill what they like, it comes back."""
    with EmbeddedSystem(devices="cpu:4", allow_code=True, heartbeat_ttl=2.0) as system:
        yield system


@pytest.fixture
def client(system: EmbeddedSystem) -> Iterator[Client]:
    with Client(system.url) as client:
        yield client
