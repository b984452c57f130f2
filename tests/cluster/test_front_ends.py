"""The whole line as a user drives it: the demo, the Python client, Ctrl-C, and a system that comes back."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
import pytest

from batchyard.models import Sequential, load_model
from batchyard.models.layers import Dense
from batchyard.scheduler import Client, JobFailed
from batchyard.scheduler.protocol import JobState

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"

Eventually = Callable[..., None]


@contextmanager
def batchyard(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command line in a process of its own, which ends with the test, however that ends."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BATCHYARD_")}
    with subprocess.Popen(
        [sys.executable, "-m", "batchyard.scheduler.cli", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if words in line:
            return
    raise AssertionError(f"{words!r} was not printed:\n{''.join(seen)}")


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A copy of the example, prepared."""
    for name in ("prepare.py", "model.yaml", "job.yaml"):
        shutil.copy(EXAMPLE / name, tmp_path)
    subprocess.run([sys.executable, tmp_path / "prepare.py"], check=True, capture_output=True)
    return tmp_path


def test_the_demo_reaches_98_percent_and_leaves_all_its_files(digits: Path) -> None:
    with batchyard(digits, "run", "job.yaml") as process:
        out, _ = process.communicate(timeout=180)
    assert process.returncode == 0, out
    (train,) = (digits / "runs").glob("digits-train-*")
    (predict,) = (digits / "runs").glob("digits-predict-*")
    (evaluate,) = (digits / "runs").glob("digits-evaluate-*")
    for path in (
        train / "model.h5",
        train / "checkpoints" / "best.h5",
        train / "history.csv",
        train / "learning_curve.png",
        predict / "predictions.h5",
        evaluate / "metrics.json",
    ):
        assert path.is_file(), path
        shown = path.parent if path.name in ("best.h5", "metrics.json") else path
        assert str(shown.relative_to(digits)) in out
    with (
        h5py.File(predict / "predictions.h5") as predictions,
        h5py.File(digits / "data/digits-test.h5") as test,
    ):
        right = predictions["predictions"][:].argmax(axis=1) == test["labels"][:]
        alone = load_model(train / "model.h5").predict(test["x"][:], batch_size=64)
        assert np.allclose(predictions["predictions"][:], alone, atol=1e-5)
    assert right.mean() >= 0.98
    assert (train / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    with (train / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"epoch", "loss", "acc", "val_loss", "val_acc"} <= set(rows[0])
    assert f"epoch {len(rows)}: " in out


def test_preparing_twice_changes_nothing(digits: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (digits / "data").iterdir()}
    subprocess.run([sys.executable, digits / "prepare.py"], check=True, capture_output=True)
    assert {path: path.stat().st_mtime_ns for path in (digits / "data").iterdir()} == before
    with (
        h5py.File(digits / "data/digits-train.h5") as train,
        h5py.File(digits / "data/digits-test.h5") as test,
    ):
        assert len(train["x"]) + len(test["x"]) == 1797
        assert 0.19 < len(test["x"]) / 1797 < 0.21
        shares = np.bincount(test["labels"][:]) / np.bincount(train["labels"][:])
        assert shares.max() - shares.min() < 0.02


def test_ctrl_c_stops_training_and_keeps_its_results(digits: Path) -> None:
    with batchyard(digits, "run", "job.yaml") as process:
        lines_until(process, "epoch 2:")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 130, out
    (train,) = (digits / "runs").glob("digits-train-*")
    assert (train / "model.h5").is_file()
    assert (train / "history.csv").is_file()
    assert "stopped on request" in out


def test_nothing_outlives_a_run_that_was_killed(digits: Path) -> None:
    with batchyard(digits, "run", "job.yaml") as process:
        lines_until(process, "epoch 1:")
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 5  # Redis, its guard, scheduler, supervisor, workers
        process.kill()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive


def test_a_killed_redis_does_not_end_a_run(digits: Path) -> None:
    with batchyard(digits, "run", "job.yaml") as process:
        lines_until(process, "epoch 2:")
        family = psutil.Process(process.pid).children(recursive=True)
        (server,) = (member for member in family if "redis-server" in member.name())
        server.kill()
        out, _ = process.communicate(timeout=180)
    assert process.returncode == 0, out


def test_a_job_goes_on_at_the_next_up(digits: Path, eventually: Eventually) -> None:
    url_file = digits / ".batchyard" / "url"
    with batchyard(digits, "up", "--devices", "cpu:2") as process:
        eventually(url_file.is_file, "it is up")
        eventually(lambda: url_file.read_text().endswith("\n"), "its address is complete")
        with Client(url_file.read_text().strip()) as client:
            job = client.submit_file(digits / "job.yaml")[0]
            for event in job.events(follow=True):
                if event.kind == "epoch" and event.data["epoch"] >= 2:
                    break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    assert process.returncode == 0
    with batchyard(digits, "up", "--devices", "cpu:2") as process:
        eventually(url_file.is_file, "it is up again")
        eventually(lambda: url_file.read_text().endswith("\n"), "its address is complete")
        with Client(url_file.read_text().strip()) as client:
            again = client.job(job.id)
            assert again.wait(timeout=120) is JobState.SUCCEEDED
            history = again.result().history
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    assert len(history["loss"]) > 3
    with next((digits / "runs").glob("digits-train-*/history.csv")).open() as file:
        assert len(list(csv.DictReader(file))) == len(history["loss"])


def test_a_model_of_a_program_is_trained_applied_and_evaluated(client: Client, tmp_path: Path) -> None:
    random = np.random.Generator(np.random.Philox(1))
    x = random.normal(size=(200, 6)).astype("float32")
    y = x @ random.normal(size=(6, 1)).astype("float32")
    model = Sequential([Dense(1, input_shape=(6,))])
    model.compile("adam", loss="mse")
    output = {"output": str(tmp_path)}
    fit = client.fit(model, x, y, validation_data=(x[:50], y[:50]), epochs=2, batch_size=20, **output)
    predict = client.predict(fit, x, batch_size=64, **output)
    evaluate = client.evaluate({"job": fit.id, "which": "best"}, x, y, batch_size=64, **output)
    trained = fit.result(timeout=120)
    assert list(map(len, trained.history.values())) == [2, 2]
    assert trained.paths.model is not None
    predictions = predict.result(timeout=120).predictions
    assert np.allclose(predictions[:], load_model(trained.paths.model).predict(x), atol=1e-5)
    predictions.file.close()
    assert evaluate.result(timeout=120).metrics["loss"] > 0


def test_a_job_whose_model_failed_fails_with_its_name(client: Client, tmp_path: Path) -> None:
    values: dict[str, Any] = {"output": str(tmp_path), "batch_size": 4}
    np.save(tmp_path / "x.npy", np.zeros((8, 3)))
    model = {"class_name": "Sequential", "config": [{"class_name": "NoSuchLayer", "config": {}}]}
    (tmp_path / "model.json").write_text(json.dumps(model))
    first = client.fit(
        tmp_path / "model.json",
        tmp_path / "x.npy",
        tmp_path / "x.npy",
        compile={"optimizer": "sgd", "loss": "mse"},
        **values,
    )
    second = client.predict(first, tmp_path / "x.npy", **values)
    with pytest.raises(JobFailed, match="NoSuchLayer"):
        first.result(timeout=120)
    with pytest.raises(JobFailed, match=first.id):
        second.result(timeout=120)
