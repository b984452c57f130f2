"""Faults, injected for real: what dies, stops, or hears nothing does not change a result."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from batchyard.scheduler import Client
from batchyard.scheduler.dispatch import make_app
from batchyard.scheduler.embedded import EmbeddedSystem
from batchyard.scheduler.protocol import EventKind, JobState, Want
from tests.cluster.watching import (
    file_hash,
    kill,
    members,
    wait_for_epoch,
    wait_for_progress,
    wait_for_workers,
    wait_until,
    weights_hash,
)

#: Seconds that Redis is away: twice the heartbeat's time to live and more.
OUTAGE = 10.0


@pytest.fixture(scope="module")
def fit_spec(fit_spec: dict[str, Any]) -> dict[str, Any]:
    """A job that lasts long enough to be hurt after its first epoch."""
    return {**fit_spec, "epochs": 12}


@pytest.fixture(scope="module")
def calm(system: EmbeddedSystem, fit_spec: dict[str, Any]) -> str:
    """Weights of the job when nothing happens to it."""
    with Client(system.url) as client:
        wait_for_workers(client, 2)
        model = client.submit({**fit_spec, "workers": 2}).result(timeout=300).paths.model
    assert model is not None
    return weights_hash(model)


def outcome(job: Any) -> str:
    return weights_hash(job.result(timeout=300).paths.model)


def generations(job: Any) -> int:
    return sum(event.kind == EventKind.CREW for event in job.events())


def test_a_killed_scheduler_is_followed_by_one_that_goes_on(
    system: EmbeddedSystem, client: Client, fit_spec: dict[str, Any], calm: str
) -> None:
    job = client.submit({**fit_spec, "workers": 2})
    wait_for_epoch(job, 0)
    killed = system.pids()["scheduler"]
    os.kill(killed, signal.SIGKILL)
    assert outcome(job) == calm
    assert system.pids()["scheduler"] != killed


def test_a_redis_that_is_away_for_ten_seconds_does_not_end_a_job(
    system: EmbeddedSystem, client: Client, fit_spec: dict[str, Any], calm: str
) -> None:
    job = client.submit({**fit_spec, "workers": 2})
    wait_for_epoch(job, 0)
    redis = system.pids()["redis"]
    os.kill(redis, signal.SIGSTOP)
    threading.Event().wait(OUTAGE)  # the fault itself, not a wait for something
    os.kill(redis, signal.SIGCONT)
    assert outcome(job) == calm


def test_a_redis_that_is_killed_comes_back_with_its_jobs(
    system: EmbeddedSystem, client: Client, fit_spec: dict[str, Any], calm: str
) -> None:
    job = client.submit({**fit_spec, "workers": 2})
    wait_for_epoch(job, 0)
    os.kill(system.pids()["redis"], signal.SIGKILL)
    assert outcome(job) == calm


def test_a_stopped_worker_is_left_behind_after_its_heartbeat(
    client: Client, fit_spec: dict[str, Any], calm: str
) -> None:
    job = client.submit({**fit_spec, "workers": 2})
    wait_for_epoch(job, 0)
    frozen = members(client, job)[0]
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        assert outcome(job) == calm
        assert generations(job) >= 2
    finally:
        os.kill(frozen.pid, signal.SIGCONT)


def test_a_worker_that_beats_but_hears_nothing_is_restarted(
    system: EmbeddedSystem, client: Client, fit_spec: dict[str, Any], calm: str
) -> None:
    workers = wait_for_workers(client, 4)
    app = make_app(system.url)
    deaf = workers[:2]
    for worker in deaf:
        replies = app.control.cancel_consumer(worker.queue, reply=True, timeout=10, limit=4)
        assert any("ok" in answer for reply in replies for answer in reply.values())
    app.close()
    job = client.submit({**fit_spec, "workers": 2})
    assert outcome(job) == calm
    warnings = [event.data["message"] for event in job.events() if event.kind == EventKind.WARNING]
    assert any("takes no messages" in message for message in warnings)
    wait_until(
        client,
        "fresh processes",
        lambda: {w.incarnation for w in client.workers()}.isdisjoint(w.incarnation for w in deaf),
    )


def test_a_draining_worker_hands_over_and_exits_with_0(
    system: EmbeddedSystem, client: Client, fit_spec: dict[str, Any], calm: str
) -> None:
    wait_for_workers(client, 4)
    guest = subprocess.Popen(
        [sys.executable, "-m", "batchyard.scheduler.cli", "worker", "--devices", "cpu:1", "--name", "guest"],
        env={**os.environ, "BATCHYARD_REDIS_URL": system.url, "BATCHYARD_HEARTBEAT_TTL": "2"},
    )
    try:
        wait_for_workers(client, 5)
        job = client.submit({**fit_spec, "workers": {"min": 5, "max": 5}, "lanes": 8})
        wait_for_epoch(job, 0)
        guest.send_signal(signal.SIGTERM)
        assert guest.wait(timeout=60) == 0
        client.store.request(job.id, Want.CANCEL)
        job.wait(timeout=60)
    finally:
        guest.kill()
        guest.wait()
    assert not [worker for worker in client.workers() if worker.name.startswith("guest")]


def test_a_killed_scheduler_and_killed_workers_leave_predictions_whole(
    system: EmbeddedSystem, client: Client, fit_spec: dict[str, Any]
) -> None:
    model = client.submit({**fit_spec, "epochs": 1}).result(timeout=300).paths.model
    data = {key: value for key, value in fit_spec["data"].items() if key != "y"}
    spec = {"name": "p", "kind": "predict", "model": str(model), "data": data, "batch_size": 1}
    spec |= {"output": fit_spec["output"], "workers": {"min": 1, "max": 4}}
    calm = client.submit(spec).result(timeout=300).paths.predictions
    job = client.submit(spec)
    wait_for_progress(client, job, 4)
    os.kill(system.pids()["scheduler"], signal.SIGKILL)
    for worker in client.workers()[:3]:
        kill(worker)
    assert file_hash(job.result(timeout=300).paths.predictions) == file_hash(calm)  # type: ignore[arg-type]


def test_cancelling_in_mid_training_frees_the_workers(client: Client, fit_spec: dict[str, Any]) -> None:
    job = client.submit({**fit_spec, "epochs": 1000})
    wait_for_epoch(job, 0)
    job.cancel()
    assert job.wait(timeout=60) == JobState.CANCELLED
    assert client.submit({**fit_spec, "epochs": 1}).wait(timeout=300) == JobState.SUCCEEDED


def test_stopping_in_mid_training_keeps_model_history_and_best(
    client: Client, fit_spec: dict[str, Any]
) -> None:
    job = client.submit({**fit_spec, "epochs": 1000})
    wait_for_epoch(job, 1)
    job.stop()
    result = job.result(timeout=120)
    assert result.paths.model is not None
    assert result.paths.best is not None
    assert result.paths.history is not None
    assert 2 <= len(result.history["val_loss"]) < 1000
    assert "stop" in result.reason
