"""Supervisor and worker processes: real processes, really killed."""

from __future__ import annotations

import os
import signal
import time
import urllib.request
from pathlib import Path

import h5py
import numpy as np
import pytest

from batchyard.scheduler.dispatch import make_app
from batchyard.scheduler.protocol import EventKind, JobState, WorkerOrder
from tests.conftest import spare_port
from tests.workers.conftest import DEADLINE, Workshop

NETS = """
import time
import torch
from batchyard.models import Sequential
from batchyard.models.layers import Layer

class Busy(Layer):
    seconds = 0.0

    def call(self, inputs):
        end = time.monotonic() + self.seconds
        table = torch.ones(1500, 1500)
        while time.monotonic() < end:
            table @ table  # one long operator after the other
        if self.seconds < 0 and bool((inputs == 700).any()):
            raise ValueError("700 is too much")
        return 2 * inputs

    def compute_output_shape(self, input_shape):
        return input_shape

def net(seconds):
    layer = Busy(input_shape=(1,), name="busy")
    layer.seconds = seconds
    return Sequential([layer])

def quick(): return net(0.0)
def slow(): return net(3.0)
def picky(): return net(-1.0)
"""

ROWS = 1000


@pytest.fixture
def predict(workshop: Workshop) -> dict[str, object]:
    """What the predict jobs of these tests have in common."""
    (workshop.folder / "busy_nets.py").write_text(NETS)
    np.save(workshop.folder / "x.npy", np.arange(ROWS, dtype="float32")[:, None])
    return {
        "kind": "predict",
        "data": {"x": str(workshop.folder / "x.npy")},
        "samples": ROWS,
        "model": "busy_nets:quick",
        "batch_size": 16,
    }


def predictions(workshop: Workshop, job_id: str) -> Path:
    return workshop.folder / job_id / "predictions.h5"


def test_the_same_bytes_come_from_one_worker_and_from_three(
    workshop: Workshop, predict: dict[str, object]
) -> None:
    workshop.start(devices="cpu:3")
    for job_id, count in (("one", 1), ("three", 3)):
        workshop.submit(job_id, **predict, workers={"min": count, "max": count})
    assert [workshop.ended(job_id).state for job_id in ("one", "three")] == [JobState.SUCCEEDED] * 2
    one, three = (predictions(workshop, job_id).read_bytes() for job_id in ("one", "three"))
    assert one == three
    with h5py.File(predictions(workshop, "one")) as file:
        np.testing.assert_array_equal(file["predictions"][:, 0], 2.0 * np.arange(ROWS))
    assert not (workshop.folder / "one" / "parts").exists()


def test_a_worker_killed_in_the_middle_is_reported_at_once_and_replaced(
    workshop: Workshop, predict: dict[str, object]
) -> None:
    (worker,) = workshop.start()
    job = workshop.submit("job", **{**predict, "model": "busy_nets:slow", "batch_size": 500})
    workshop.running(job.id)
    os.kill(worker.pid, signal.SIGKILL)
    killed = time.monotonic()
    workshop.wait_until(
        lambda: all(w.dead or w.incarnation != worker.incarnation for w in workshop.store.workers())
    )
    assert time.monotonic() - killed < 0.5
    assert workshop.ended(job.id).state == JobState.SUCCEEDED
    (successor,) = workshop.store.workers()
    assert (successor.name, successor.incarnation != worker.incarnation) == (worker.name, True)
    with h5py.File(predictions(workshop, job.id)) as file:
        np.testing.assert_array_equal(file["predictions"][:, 0], 2.0 * np.arange(ROWS))


def test_a_computing_worker_beats_and_answers_control_commands(
    workshop: Workshop, predict: dict[str, object]
) -> None:
    (worker,) = workshop.start(ttl=1.0)
    job = workshop.submit("job", **{**predict, "model": "busy_nets:slow", "batch_size": ROWS})
    workshop.running(job.id)
    with make_app(workshop.url) as app:
        node = f"batchyard@{worker.name}"
        assert app.control.inspect(timeout=5, limit=1, destination=[node]).ping() == {node: {"ok": "pong"}}
    assert [task.state for task in workshop.store.tasks(job.id)] == ["running"]
    assert workshop.ended(job.id).state == JobState.SUCCEEDED
    # 3 s of computing in one call, with 1 s to live: the first attempt kept its lease.
    assert [w.incarnation for w in workshop.store.workers()] == [worker.incarnation]
    assert {e.data.get("worker") for e in workshop.store.events(job.id) if e.kind == EventKind.RANGE} == set()


def test_sigterm_finishes_the_batch_hands_the_rest_back_and_exits_0(
    workshop: Workshop, predict: dict[str, object]
) -> None:
    workshop.start()
    job = workshop.submit("job", **{**predict, "model": "busy_nets:slow", "batch_size": 100})
    workshop.running(job.id)
    assert workshop.supervisor is not None
    workshop.supervisor.terminate()
    assert workshop.supervisor.wait(DEADLINE) == 0
    assert workshop.store.workers() == []
    assert workshop.store.job(job.id).state == JobState.RUNNING
    assert all(task.failures == 0 for task in workshop.store.tasks(job.id))


def test_workers_leave_when_their_supervisor_is_killed(workshop: Workshop) -> None:
    workers = workshop.start(devices="cpu:2")
    assert workshop.supervisor is not None
    workshop.supervisor.kill()
    workshop.wait_until(lambda: workshop.store.workers() == [])
    workshop.supervisor.wait(DEADLINE)
    assert len(workers) == 2


def test_a_worker_ordered_to_restart_comes_back_as_a_fresh_process(workshop: Workshop) -> None:
    (worker,) = workshop.start(ttl=1.0)
    workshop.store.order(worker.name, worker.incarnation, WorkerOrder.RESTART)
    workshop.wait_until(
        lambda: any(w.beating and w.incarnation != worker.incarnation for w in workshop.store.workers())
    )
    (successor,) = workshop.store.workers()
    assert successor.pid != worker.pid


def test_a_failing_batch_is_named_with_its_rows_and_the_worker_stays(
    workshop: Workshop, predict: dict[str, object]
) -> None:
    (worker,) = workshop.start()
    workshop.submit("bad", **{**predict, "model": "busy_nets:picky"}, retries=1)
    ended = workshop.ended("bad")
    assert ended.state == JobState.FAILED
    assert ended.reason == "batch 43 (rows 688 to 703) failed: ValueError: 700 is too much"
    assert "busy_nets.py" in ended.error_detail
    workshop.submit("good", **predict)
    assert workshop.ended("good").state == JobState.SUCCEEDED
    assert [w.incarnation for w in workshop.store.workers()] == [worker.incarnation]


def test_a_quarantined_batch_is_left_out_and_listed(workshop: Workshop, predict: dict[str, object]) -> None:
    workshop.start()
    job = workshop.submit("job", **{**predict, "model": "busy_nets:picky"}, retries=0, on_error="continue")
    ended = workshop.ended(job.id)
    assert (ended.state, ended.outcome["missing_rows"]) == (JobState.SUCCEEDED, [[688, 704]])
    with h5py.File(predictions(workshop, job.id)) as file:
        column = file["predictions"][:, 0]
        assert file["missing_rows"][()].tolist() == [[688, 704]]
    expected = 2.0 * np.arange(ROWS)
    expected[688:704] = np.nan
    np.testing.assert_array_equal(column, expected)


def test_a_job_with_code_is_refused_by_a_worker_that_runs_none(
    workshop: Workshop, predict: dict[str, object]
) -> None:
    workshop.start(allow_code=False)
    job = workshop.submit("job", **predict)
    workshop.wait_until(lambda: bool(workshop.store.job(job.id).reason))
    assert workshop.store.job(job.id).state == JobState.QUEUED


def test_metrics_tell_of_tasks_rows_and_heartbeats(workshop: Workshop, predict: dict[str, object]) -> None:
    port = spare_port()
    workshop.start(metrics_port=port)
    workshop.ended(workshop.submit("job", **predict).id)

    def values() -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, value in (x.rsplit(" ", 1) for x in lines if x[0] != "#")}

    # A task is counted after its result was reported, so the job can have ended before.
    workshop.wait_until(lambda: values()['batchyard_worker_tasks_total{kind="join",outcome="done"}'] == 1)
    assert values()["batchyard_worker_samples_total"] == ROWS
    assert values()["batchyard_worker_step_seconds_count"] == 63
    assert 0 <= values()["batchyard_worker_heartbeat_age_seconds"] < DEADLINE


def test_what_a_task_logs_goes_to_its_job(workshop: Workshop, predict: dict[str, object]) -> None:
    (workshop.folder / "busy_nets.py").write_text(
        NETS.replace(
            "def quick(): ",
            "def quick():\n    import logging; logging.getLogger('nets').warning('built')\n    ",
        )
    )
    workshop.start()
    job = workshop.submit("job", **predict)
    workshop.ended(job.id)
    expected = {"level": "WARNING", "logger": "nets", "message": "built", "worker": "t-cpu0"}
    # Lines are sent by a thread of their own, so the job can have ended before.
    workshop.wait_until(
        lambda: expected in [e.data for e in workshop.store.events(job.id) if e.kind == EventKind.LOG]
    )
