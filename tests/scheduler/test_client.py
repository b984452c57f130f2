"""The Python client against a real Redis; these tests play the scheduler."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from batchyard.scheduler import Client, JobCancelled, JobFailed, JobFileError, JobHandle
from batchyard.scheduler.client import history_of, log_lines
from batchyard.scheduler.embedded import ParentPipe, PrivateRedis
from batchyard.scheduler.errors import (
    AmbiguousJob,
    InputError,
    RedisUnreachable,
    ResultTimeout,
    UnknownJob,
)
from batchyard.scheduler.protocol import Event, EventKind, JobState, Progress
from batchyard.scheduler.store import Store

CONFIG = {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"units": 1}}]}
X = np.arange(60, dtype="float32").reshape(20, 3)
Y = np.zeros((20, 1), "float32")


class CompiledModel:
    """Saves itself as a model of ours would."""

    def save(self, path: str) -> None:
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps(CONFIG)
            file.attrs["training_config"] = "{}"


class UncompiledModel:
    def save(self, path: str) -> None:
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps(CONFIG)


class Patience:
    def get_config(self) -> dict[str, Any]:
        return {"patience": 3}


@pytest.fixture
def client(redis_url: str, tmp_path: Path) -> Iterator[Client]:
    with Client(redis_url, output=tmp_path / "runs") as client:
        yield client


class Scheduler:
    """Moves jobs as the scheduler would."""

    def __init__(self, store: Store) -> None:
        self._store = store
        token = store.lead("test", 60)
        assert token is not None
        self._token = token

    def start(self, job: JobHandle) -> None:
        assert self._store.start_job(self._token, job.id, fields={"allotted": ["w1"], "started_at": 1.0})

    def end(self, job: JobHandle, state: JobState, reason: str = "", detail: str = "") -> None:
        assert self._store.end_job(self._token, job.id, state, reason, detail=detail)

    def epoch(self, job: JobHandle, epoch: int, **logs: float) -> None:
        self._store.emit(job.id, EventKind.EPOCH, {"epoch": epoch, "logs": logs})


@pytest.fixture
def scheduler(client: Client) -> Scheduler:
    return Scheduler(client.store)


def test_arrays_and_a_model_become_artifacts(client: Client, tmp_path: Path) -> None:
    job = client.fit(
        CompiledModel(),
        X,
        Y,
        validation_split=0.1,
        epochs=7,
        batch_size=4,
        name="mine",
        callbacks=["EarlyStopping"],
    )
    record = job.record()
    directory = Path(record.directory)
    assert directory == tmp_path / "runs" / job.id
    assert job.id.startswith("mine-")
    assert np.array_equal(np.load(directory / "inputs" / "x.npy"), X)
    assert record.spec["model"] == str(directory / "inputs" / "model.h5")
    assert record.spec["samples"] == 20
    assert record.spec["validation_samples"] == 2
    assert record.spec["epochs"] == 7
    assert record.spec["callbacks"] == [{"class_name": "EarlyStopping", "config": {}}]
    assert json.loads((directory / "job.json").read_text()) == record.spec


def test_an_open_hdf5_dataset_is_named_where_it_lies(client: Client, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["group/x"], file["y"] = X, Y
        job = client.evaluate(CompiledModel(), file["group/x"], file["y"])
    data = job.record().spec["data"]
    assert (data["file"], data["x"], data["y"]) == (str(tmp_path / "data.h5"), "group/x", "y")
    assert not (Path(job.record().directory) / "inputs" / "x.npy").exists()


def test_validation_data_go_along(client: Client) -> None:
    record = client.fit(CompiledModel(), X, Y, validation_data=(X[:5], Y[:5])).record()
    assert record.spec["validation_samples"] == 5
    assert record.spec["validation"]["x"].endswith("inputs/validation_x.npy")


def test_a_prediction_can_use_the_model_of_a_fit(client: Client) -> None:
    fit = client.fit(CompiledModel(), X, Y)
    record = client.predict(fit, X, batch_size=8).record()
    assert record.spec["model"] == {"job": fit.id, "which": "final"}
    assert record.spec["after"] == [fit.id]
    assert record.batches == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": X, "y": Y[:3]}, "data.y: has 3 rows, and x has 20"),
        ({"x": X, "y": Y, "epoch": 3}, r"epoch: unknown key; did you mean 'epochs'\?"),
        ({"x": X, "y": Y, "lanes": 64}, "batch_size is smaller than lanes"),
        ({"x": [[1, 2], [3]], "y": Y}, "x is no array: "),
        ({"x": ["a", "b"], "y": Y}, "x is no array of numbers"),
        ({"x": [X, X], "y": Y}, "x holds several arrays, and a job reads one"),
        ({"x": X, "y": Y, "callbacks": [object()]}, "a object is no callback"),
        ({"x": X, "y": Y, "validation_split": 0.1, "validation_data": (X, Y)}, "are both given"),
        ({"x": {"file": "a.h5", "x": "x"}, "y": Y}, "x is a data section, and y stands beside it"),
        ({"x": "no/x.npy", "y": Y}, "data.x: there is no such file"),
    ],
)
def test_bad_arguments_are_refused_and_leave_nothing(
    client: Client, tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        client.fit(CompiledModel(), **arguments)
    assert client.jobs() == []
    assert list((tmp_path / "runs").glob("*")) == []


def test_a_model_that_is_none_is_refused(client: Client) -> None:
    with pytest.raises(InputError, match="a int is no model"):
        client.predict(3, X)
    with pytest.raises(JobFileError, match="was saved uncompiled"):
        client.fit(UncompiledModel(), X, Y)


def test_a_callback_of_a_module_is_named_by_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patience, "__module__", "mine.callbacks")
    record = client.fit(CompiledModel(), X, Y, callbacks=[Patience()]).record()
    assert record.spec["callbacks"] == [{"class_name": "mine.callbacks:Patience", "config": {"patience": 3}}]
    monkeypatch.setattr(Patience, "__module__", "__main__")
    with pytest.raises(InputError, match="workers cannot import the callback Patience from __main__"):
        client.fit(CompiledModel(), X, Y, callbacks=[Patience()])


def test_the_result_of_a_job_that_succeeds(client: Client, scheduler: Scheduler) -> None:
    job = client.fit(CompiledModel(), X, Y)
    scheduler.start(job)
    scheduler.epoch(job, 0, loss=2.0, val_loss=3.0)
    scheduler.epoch(job, 1, loss=9.0, val_loss=9.0)
    scheduler.epoch(job, 1, loss=1.0, val_loss=1.5)  # computed again after the crew was lost
    directory = Path(job.record().directory)
    (directory / "checkpoints").mkdir()
    for name in ("model.h5", "checkpoints/best.h5", "history.csv"):
        (directory / name).touch()
    (directory / "metrics.json").write_text('{"loss": 1.0}')
    scheduler.end(job, JobState.SUCCEEDED)
    result = job.result(timeout=10)
    assert result.history == {"loss": [2.0, 1.0], "val_loss": [3.0, 1.5]}
    assert result.metrics == {"loss": 1.0}
    assert result.paths.model == directory / "model.h5"
    assert result.paths.best == directory / "checkpoints" / "best.h5"
    assert result.paths.predictions is None
    with pytest.raises(InputError, match="has no predictions, it is a fit job"):
        _ = result.predictions


def test_predictions_are_read_when_sliced(client: Client, scheduler: Scheduler) -> None:
    job = client.predict(CompiledModel(), X)
    scheduler.start(job)
    with h5py.File(Path(job.record().directory) / "predictions.h5", "w") as file:
        file["predictions"] = Y
    scheduler.end(job, JobState.SUCCEEDED)
    predictions = job.result(timeout=10).predictions
    assert isinstance(predictions, h5py.Dataset)
    assert np.array_equal(predictions[:], Y)
    predictions.file.close()


def test_the_result_of_a_job_that_fails_is_its_reason(client: Client, scheduler: Scheduler) -> None:
    job = client.fit(CompiledModel(), X, Y)
    scheduler.start(job)
    scheduler.end(job, JobState.FAILED, "the loss is nan in epoch 3", "Traceback …")
    with pytest.raises(JobFailed, match="failed: the loss is nan in epoch 3") as caught:
        job.result(timeout=10)
    assert caught.value.detail == "Traceback …"
    assert "Traceback …" in list(job.logs(follow=True))


def test_the_result_of_a_cancelled_job_says_so(client: Client) -> None:
    job = client.fit(CompiledModel(), X, Y)
    assert job.cancel() is JobState.CANCELLED
    with pytest.raises(JobCancelled):
        job.result(timeout=10)


def test_waiting_ends_with_the_timeout_and_not_the_job(client: Client) -> None:
    job = client.fit(CompiledModel(), X, Y)
    with pytest.raises(ResultTimeout, match=r"has not ended after 0.1 s; it is queued"):
        job.result(timeout=0.1)
    assert job.status().state is JobState.QUEUED


def test_following_waits_for_events_and_ends_with_the_job(client: Client, scheduler: Scheduler) -> None:
    job = client.fit(CompiledModel(), X, Y)
    seen: list[str] = []
    first = threading.Event()

    def read() -> None:
        for event in job.events(follow=True):
            seen.append(event.kind)
            first.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert first.wait(10)
    scheduler.start(job)
    scheduler.epoch(job, 0, loss=1.0)
    scheduler.end(job, JobState.SUCCEEDED)
    reader.join(timeout=10)
    assert not reader.is_alive()
    assert seen == ["submitted", "started", "epoch", "ended"]


def test_a_job_is_found_from_another_process(client: Client, redis_url: str) -> None:
    job = client.fit(CompiledModel(), X, Y, name="far")
    client.store.report_progress(job.id, Progress(epoch=2, epochs=5))
    program = (
        "import sys; from batchyard.scheduler import Client\n"
        "with Client(sys.argv[1]) as client:\n"
        "    job = client.job('far'); status = job.status()\n"
        "    print(job.id, status.state, status.progress.epoch)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", program, redis_url], capture_output=True, text=True, check=True
    ).stdout
    assert output == f"{job.id} queued 2\n"


def test_a_job_is_found_by_id_prefix_or_name(client: Client) -> None:
    first = client.fit(CompiledModel(), X, Y, name="twice")
    second = client.fit(CompiledModel(), X, Y, name="twice")
    assert client.job(first.id).id == first.id
    assert client.job(first.id[:-1]).id == first.id
    assert client.job("twice").id == second.id
    with pytest.raises(AmbiguousJob):
        client.job("twic")
    with pytest.raises(UnknownJob, match="twice"):
        client.job("twcie")


def test_jobs_of_one_file_are_linked_by_id(client: Client, tmp_path: Path) -> None:
    CompiledModel().save(str(tmp_path / "model.h5"))
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    (tmp_path / "job.yaml").write_text(
        "jobs:\n"
        "- {name: a, kind: fit, model: model.h5, data: {x: x.npy, y: y.npy}}\n"
        "- {name: b, kind: predict, model: {job: a}, data: {x: x.npy}}\n"
    )
    a, b = client.submit_file(tmp_path / "job.yaml")
    assert b.record().spec["after"] == [a.id]


def test_all_jobs_of_a_file_are_submitted_or_none(client: Client, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "job.yaml").write_text(
        "jobs:\n"
        "- {name: a, kind: predict, model: 'mine:make', data: {x: x.npy}}\n"
        "- {name: b, kind: predict, model: {job: aa}, data: {x: x.npy}}\n"
    )
    with pytest.raises(UnknownJob, match=r"no job 'aa'. Did you mean 'a' or 'b'\?"):
        client.submit_file(tmp_path / "job.yaml")
    assert client.jobs() == []


def test_an_unreachable_redis_is_told_without_its_password() -> None:
    with pytest.raises(RedisUnreachable, match=r"redis://:\*\*\*@127.0.0.1:1/0 cannot be reached") as caught:
        Client("redis://:secret@127.0.0.1:1/0")
    assert "secret" not in str(caught.value)


def test_without_an_address_the_client_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BATCHYARD_REDIS_URL", raising=False)
    with pytest.raises(InputError, match=r"use Client.local\(\)"):
        Client()


def test_waiting_survives_a_killed_redis(tmp_path: Path, eventually: Callable[..., None]) -> None:
    pipe = ParentPipe()
    server = PrivateRedis(tmp_path / "redis", pipe)
    server.start()
    with Client(server.url, output=tmp_path / "runs") as client:
        scheduler = Scheduler(client.store)
        job = client.fit(CompiledModel(), X, Y)
        waited: list[JobState] = []
        waiter = threading.Thread(target=lambda: waited.append(job.wait(timeout=60)))
        waiter.start()
        before = server.pid
        os.kill(before, signal.SIGKILL)
        eventually(lambda: server.pid not in (0, before), "Redis is back")
        eventually(lambda: job.status().state is JobState.QUEUED, "it answers")
        scheduler.start(job)
        scheduler.end(job, JobState.SUCCEEDED)
        waiter.join(timeout=60)
        assert waited == [JobState.SUCCEEDED]
    server.stop()
    pipe.close()


def test_history_is_in_the_order_of_epochs() -> None:
    events = [
        Event(str(i), 0.0, EventKind.EPOCH, {"epoch": e, "logs": {"loss": v}})
        for i, (e, v) in enumerate([(1, 2.0), (0, 1.0)])
    ]
    assert history_of(events) == {"loss": [1.0, 2.0]}


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kind_of_event_reads_as_a_line(kind: EventKind) -> None:
    (line,) = log_lines(Event("1-0", 0.0, kind, {}))
    assert len(line) > len("00:00:00 ")
