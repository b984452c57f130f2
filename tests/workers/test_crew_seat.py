"""The ends of a seat: the job is done, stopped, cancelled or fails; the worker leaves; Redis is away."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from batchyard.models import load_model
from batchyard.scheduler.protocol import EventKind, JobState, Want
from tests.conftest import redis_server_binary, spare_port, wait_until_it_answers
from tests.workers.crew_yard import STEPS_PER_EPOCH, CrewYard

ENDLESS = 10_000


@pytest.fixture
def yard(redis_url: str, tmp_path: Path) -> Iterator[CrewYard]:
    yard = CrewYard(redis_url, tmp_path)
    try:
        yield yard
    finally:
        yard.close()


def failure(yard: CrewYard) -> tuple[str, bool]:
    """What the first seat that failed says, and whether that is final."""
    found: list[tuple[str, bool]] = []

    def look() -> bool:
        found[:] = [(t.last_error, t.fatal) for t in yard.store.tasks("job") if t.failures]
        return bool(found)

    yard.wait_until(look, "a failure")
    return found[0]


def test_a_finished_job_leaves_model_history_curve_and_events(yard: CrewYard) -> None:
    job = yard.start_job()
    yard.crew("a", "b")
    yard.result()
    directory = Path(job.directory)
    for name in ("initial.h5", "model.h5", "history.csv", "learning_curve.png", "metrics.json"):
        assert (directory / name).stat().st_size, name
    assert len(load_model(directory / "model.h5").get_weights()) == 8
    epochs = [event.data for event in yard.store.events("job") if event.kind == EventKind.EPOCH]
    assert [epoch["epoch"] for epoch in epochs] == [0, 1, 2]
    assert set(epochs[0]["logs"]) >= {"loss", "acc", "val_loss", "val_acc"}
    progress = yard.store.progress("job")
    assert (progress.epoch, progress.epochs, progress.workers) == (3, 3, 2)


def test_every_epoch_is_told_once_though_the_first_member_is_lost_before_it_could(yard: CrewYard) -> None:
    yard.start_job()
    first, second = yard.crew("a", "b", a="after the epoch is in the books")
    first.killed()
    yard.form(second)
    yard.result()
    epochs = [event.data["epoch"] for event in yard.store.events("job") if event.kind == EventKind.EPOCH]
    assert epochs == [0, 1, 2]


def test_the_best_epoch_is_kept_though_the_first_member_is_lost_before_it_is_on_record(
    yard: CrewYard,
) -> None:
    yard.start_job(callbacks=[], checkpoint={"monitor": "loss", "mode": "max"})
    first, second = yard.crew("a", "b", a="steps later, before a checkpoint is on record")
    first.killed()
    yard.form(second)
    yard.result()
    assert [(c.epoch, c.best) for c in yard.store.checkpoints("job")] == [(1, True), (2, False), (3, False)]
    best = Path(yard.store.job("job").outcome["best"])
    assert best.samefile(yard.store.checkpoints("job")[0].path)


def test_a_wish_to_stop_ends_the_job_after_the_step_with_all_it_has(yard: CrewYard) -> None:
    yard.start_job(callbacks=[], epochs=ENDLESS)
    first, second = yard.crew("a", "b")
    first.wait_for_step(STEPS_PER_EPOCH + 1)
    yard.store.request("job", Want.STOP)
    yard.result()
    assert first.wait_for("ended") == second.wait_for("ended") == "ended done"
    assert yard.store.job("job").outcome["reason"] == "stopped on request"


def test_members_leave_a_cancelled_job(yard: CrewYard) -> None:
    yard.start_job(callbacks=[], epochs=ENDLESS)
    first, second = yard.crew("a", "b")
    first.wait_for_step(3)
    yard.store.request("job", Want.CANCEL)
    assert first.wait_for("ended") == second.wait_for("ended") == "ended refused"


def test_a_seat_that_was_taken_away_is_left(yard: CrewYard) -> None:
    yard.start_job(callbacks=[], epochs=ENDLESS)
    first, second = yard.crew("a", "b")
    first.wait_for_step(3)
    (seat,) = (task for task in yard.store.tasks("job") if task.id == second.seat)
    yard.store.drop_task(yard.token, "job", seat)
    assert second.wait_for("ended") == "ended refused"
    yard.form(first)
    first.wait_for_step(10)


def test_a_sole_member_that_leaves_writes_a_checkpoint_first(yard: CrewYard) -> None:
    yard.start_job(callbacks=[], epochs=ENDLESS, checkpoint={"every_epochs": ENDLESS, "monitor": "nothing"})
    (first,) = yard.crew("a")
    first.wait_for_step(STEPS_PER_EPOCH + 2)
    first.kill(signal.SIGTERM)
    assert first.wait_for("ended") == "ended released"
    *_, last = (line for line in first.lines if line.startswith("step"))
    (checkpoint,) = yard.store.checkpoints("job")
    assert checkpoint.iterations == int(last.split()[1])
    (second,) = yard.crew("b")
    assert int(second.wait_for("step ").split()[1]) == checkpoint.iterations + 1


def test_a_member_that_leaves_goes_when_a_crew_without_it_stands(yard: CrewYard) -> None:
    yard.start_job(callbacks=[], epochs=ENDLESS)
    first, second = yard.crew("a", "b")
    second.wait_for_step(3)
    first.kill(signal.SIGTERM)
    yard.form(second)
    assert first.wait_for("ended") == "ended released"
    second.wait_for_step(int(first.lines[-2].split()[1]) + 1)
    assert not [line for line in second.lines if line.startswith("ended")]


def test_all_members_that_leave_at_once_do_not_wait_for_each_other(yard: CrewYard) -> None:
    yard.start_job(callbacks=[], epochs=ENDLESS, checkpoint={"every_epochs": ENDLESS, "monitor": "nothing"})
    crew = yard.crew("a", "b")
    crew[0].wait_for_step(3)
    for member in crew:
        member.kill(signal.SIGTERM)
    assert [member.wait_for("ended") for member in crew] == ["ended released"] * 2
    steps = [int(line.split()[1]) for member in crew for line in member.lines if line.startswith("step")]
    assert yard.store.checkpoints("job")[-1].iterations == max(steps)


def test_a_loss_that_is_not_finite_fails_the_job_with_the_place(yard: CrewYard) -> None:
    job = yard.start_job(shuffle=False)
    x = np.load(Path(job.directory) / "x.npy")
    x[17] = np.nan
    np.save(Path(job.directory) / "x.npy", x)
    crew = yard.crew("a", "b")
    line, final = failure(yard)
    assert final
    assert line.startswith("epoch 1, step 3 of 6 (rows 16 to 23 of the data): ")
    assert "nan" in line
    yard.store.end_job(yard.token, "job", JobState.FAILED, line)
    for member in crew:
        assert member.wait_for("ended") in ("ended failed", "ended refused")


def test_a_layer_that_raises_fails_the_job_and_the_others_leave(yard: CrewYard) -> None:
    yard.start_job(model="crew_nets:broken")
    crew = yard.crew("a", "b")
    line, final = failure(yard)
    assert final
    assert "RuntimeError: this layer is broken" in line
    yard.store.end_job(yard.token, "job", JobState.FAILED, line)
    for member in crew:
        assert member.wait_for("ended") in ("ended failed", "ended refused")


def test_a_job_goes_on_while_redis_does_not_answer(tmp_path: Path) -> None:
    port = spare_port()
    server = subprocess.Popen(
        [redis_server_binary(), "--port", str(port), "--save", "", "--dir", tmp_path],
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until_it_answers(port, server)
        yard = CrewYard(f"redis://127.0.0.1:{port}/0", tmp_path)
        try:
            yard.start_job(epochs=2, batch_size=4, data_rows=4000)
            first, second = yard.crew("a", "b")
            begun = int(first.wait_for("step ").split()[1])
            server.send_signal(signal.SIGSTOP)
            first.wait_for_step(begun + 100)
            server.send_signal(signal.SIGCONT)
            yard.result()
            assert first.wait_for("ended") == second.wait_for("ended") == "ended done"
            assert yard.store.crew("job").generation == 1
        finally:
            yard.close()
    finally:
        server.kill()
        server.wait()
