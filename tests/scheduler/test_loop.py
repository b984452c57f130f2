from __future__ import annotations

import random
from collections import Counter

import pytest

from batchyard.scheduler.loop.fleet import Contact
from batchyard.scheduler.protocol import (
    EventKind,
    JobState,
    TaskFailure,
    TaskKind,
    TaskState,
    Want,
    WorkerOrder,
)
from tests.scheduler.yard import Yard

PREDICT = {"kind": "predict", "data": {"file": "/data.h5", "x": "x"}}


def running_fit(yard: Yard, count: int, **fields: object) -> None:
    for number in range(count):
        yard.start_worker(f"w{number}")
    yard.submit("f", **fields)
    yard.run_pass()
    yard.claim_all("f")
    yard.run_pass()


# ---- admission


def test_a_job_without_enough_workers_says_so_and_starts_when_they_come(yard: Yard) -> None:
    yard.start_worker("w0")
    yard.submit("f", workers={"min": 2, "max": 2})
    yard.run_pass()
    assert yard.store.job("f").reason == (
        "needs at least 2 workers; only 1 running (start more: batchyard worker)"
    )
    yard.start_worker("w1")
    yard.run_pass()
    assert (yard.store.job("f").state, yard.store.job("f").reason) == (JobState.RUNNING, "")


def test_a_job_waits_for_busy_workers_and_keeps_smaller_ones_from_overtaking_it(yard: Yard) -> None:
    yard.start_worker("w0")
    yard.start_worker("w1")
    yard.submit("first", workers={"min": 1, "max": 1})
    yard.run_pass()
    yard.submit("large", workers={"min": 2, "max": 2})
    yard.submit("small", workers={"min": 1, "max": 1})
    yard.run_pass()
    assert yard.store.job("large").reason == "waits for 2 workers: 1 of 2 free, the others work for first"
    assert yard.store.job("small").reason == "waits behind job large, which comes first"


def test_priority_comes_before_fair_share_and_fair_share_before_age(yard: Yard) -> None:
    one = {"min": 1, "max": 1}
    yard.submit("greedy-1", owner="greedy", workers=one)
    for number in range(3):
        yard.start_worker(f"w{number}")
    yard.run_pass()
    yard.submit("greedy-2", owner="greedy", workers=one)
    yard.submit("greedy-3", owner="greedy", workers=one)
    yard.submit("modest", owner="modest", workers=one)
    yard.submit("urgent", owner="greedy", workers=one, priority=5)
    yard.run_pass()
    running = {job.id for job in yard.store.jobs([JobState.RUNNING])}
    assert running == {"greedy-1", "urgent", "modest"}


def test_a_job_starts_when_the_job_it_needs_has_succeeded(yard: Yard) -> None:
    running_fit(yard, 1)
    yard.submit("p", **PREDICT, after=["f"])
    yard.run_pass()
    assert yard.store.job("p").reason == "waits for job f to succeed; it is running"
    yard.store.finish_fit("f", 1, {"reason": "done"})
    yard.run_pass()
    yard.run_pass()
    assert yard.store.job("p").state == JobState.RUNNING


def test_a_job_fails_with_the_job_it_needs(yard: Yard) -> None:
    yard.submit("f")
    yard.submit("p", **PREDICT, after=["f"])
    yard.store.request("f", Want.CANCEL)
    yard.run_pass()
    job = yard.store.job("p")
    assert (job.state, job.reason) == (JobState.FAILED, "the job it needs, f, was cancelled")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"threads": 2}, "needs at least 1 worker started with --threads 2; 0 of 1 running are"),
        (
            {"model": "module:factory"},
            "needs at least 1 worker started with --threads 1 --allow-code; 0 of 1 running are",
        ),
    ],
)
def test_a_job_runs_only_on_workers_started_for_it(
    yard: Yard, fields: dict[str, object], reason: str
) -> None:
    yard.start_worker("w0")
    yard.submit("f", **fields)
    yard.run_pass()
    assert yard.store.job("f").reason == reason


def test_workers_of_different_fingerprints_are_not_mixed_unless_asked(yard: Yard) -> None:
    yard.start_worker("w0", fingerprint="old")
    yard.start_worker("w1", fingerprint="new")
    yard.start_worker("w2", fingerprint="new")
    yard.submit("f")
    yard.run_pass()
    assert yard.store.job("f").allotted == ["w1", "w2"]
    yard.store.request("f", Want.CANCEL)
    yard.run_pass()
    yard.submit("g", mixed_fingerprints="warn")
    yard.run_pass()
    assert yard.store.job("g").allotted == ["w0", "w1", "w2"]
    assert EventKind.WARNING in {event.kind for event in yard.store.events("g")}


# ---- fit


def test_the_first_generation_waits_until_all_seats_are_taken(yard: Yard) -> None:
    yard.start_worker("w0")
    yard.start_worker("w1")
    yard.submit("f")
    yard.run_pass()
    yard.claim("f", yard.dispatched("f")[0])
    yard.run_pass()
    assert yard.store.crew("f").generation == 0
    yard.claim_all("f")
    yard.run_pass()
    assert yard.crew_of("f") == {"w0": (0, 2), "w1": (2, 4)}


def test_a_death_makes_a_generation_of_the_survivors_at_once(yard: Yard) -> None:
    running_fit(yard, 3)
    yard.kill("w1")
    yard.run_pass()
    assert yard.crew_of("f") == {"w0": (0, 2), "w2": (2, 4)}


def test_a_restarted_worker_joins_behind_the_survivors(yard: Yard) -> None:
    running_fit(yard, 2)
    yard.kill("w0")
    yard.run_pass()
    yard.start_worker("w0")
    yard.run_pass()
    yard.claim_all("f")
    yard.run_pass()
    assert yard.crew_of("f") == {"w1": (0, 2), "w0": (2, 4)}
    assert yard.store.crew("f").generation == 3


def test_below_its_minimum_a_crew_waits_for_workers(yard: Yard) -> None:
    running_fit(yard, 2, workers={"min": 2, "max": 2})
    yard.kill("w0")
    yard.run_pass()
    assert yard.store.crew("f").generation == 1
    assert yard.store.job("f").reason == "waits for workers: 1 of at least 2 are there"


def test_a_job_that_kills_its_workers_ends_at_last(yard: Yard) -> None:
    yard.submit("f")
    for _ in range(200):
        yard.start_worker("w0")
        yard.run_pass()
        yard.claim_all("f")
        yard.run_pass()
        yard.kill("w0")
        yard.run_pass()
    job = yard.store.job("f")
    assert (job.state, job.reason) == (
        JobState.FAILED,
        "101 workers were lost without a new checkpoint (after 0 epochs, 0 steps); see the workers' logs",
    )


def test_losses_count_from_the_last_epoch_on(yard: Yard) -> None:
    running_fit(yard, 2)
    yard.kill("w0")
    yard.run_pass()
    assert yard.store.crew("f").losses == 1
    yard.store.decide("f", yard.store.crew("f").generation, 0, "{}")
    yard.start_worker("w0")
    yard.run_pass()
    yard.claim_all("f")
    yard.run_pass()
    assert yard.store.crew("f").losses == 0


def test_a_draining_worker_is_left_out_of_the_next_generation(yard: Yard) -> None:
    running_fit(yard, 2)
    yard.store.announce_drain("w0", yard.workers["w0"].incarnation)
    yard.run_pass()
    assert yard.crew_of("f") == {"w1": (0, 4)}


def test_a_broken_generation_is_followed_by_another(yard: Yard) -> None:
    running_fit(yard, 2)
    yard.store.report_broken("f", 1, "w0#1", "connection reset")
    wake = yard.store.crew("f").broken_at + 0.26
    while yard.store.now() < wake:
        yard.run_pass()
    yard.run_pass()
    crew = yard.store.crew("f")
    assert (crew.generation, crew.broken, crew.breaks) == (2, "", 1)


def test_a_seat_whose_computation_raised_fails_the_job_with_its_words(yard: Yard) -> None:
    running_fit(yard, 1)
    seat = yard.store.tasks("f")[0]
    failure = TaskFailure("the loss became nan at epoch 3, step 7", "Traceback", retry=False)
    yard.store.fail("f", seat.id, seat.attempt, seat.incarnation, failure)
    yard.run_pass()
    job = yard.store.job("f")
    assert (job.state, job.reason, job.error_detail) == (JobState.FAILED, failure.error, "Traceback")


def test_cancelling_ends_a_running_job_and_its_seats(yard: Yard) -> None:
    running_fit(yard, 2)
    seat = yard.store.tasks("f")[0]
    yard.store.request("f", Want.CANCEL)
    yard.run_pass()
    assert yard.store.job("f").state == JobState.CANCELLED
    assert not yard.store.still_mine("f", seat.id, seat.attempt, seat.incarnation)


def test_a_growing_job_does_not_take_workers_that_a_queued_one_waits_for(yard: Yard) -> None:
    running_fit(yard, 1)
    yard.submit("g", workers={"min": 2, "max": 2})
    yard.start_worker("w1")
    yard.run_pass()
    assert yard.store.job("f").allotted == ["w0"]
    yard.start_worker("w2")
    yard.run_pass()
    assert yard.store.job("g").state == JobState.RUNNING


def test_a_worker_that_does_not_hear_is_restarted_and_replaced(yard: Yard) -> None:
    yard.start_worker("deaf")
    yard.submit("f", claim_timeout=0.01, workers={"min": 1, "max": 1})
    yard.run_pass()
    yard.start_worker("spare")
    while yard.store.beat("deaf", yard.workers["deaf"].incarnation, 100) != WorkerOrder.RESTART:
        yard.run_pass()
    while "spare" not in {seat.worker for seat in yard.store.tasks("f")}:
        yard.run_pass()
    assert yard.store.job("f").allotted == ["spare"]


# ---- predict and evaluate


def test_the_window_is_bounded(yard: Yard) -> None:
    yard.start_worker("w0")
    yard.start_worker("w1")
    yard.submit("p", **PREDICT, samples=80_000)
    for _ in range(5):
        yard.run_pass()
    assert Counter(task.worker for task in yard.store.tasks("p")) == {"w0": 2, "w1": 2}


def test_a_bad_batch_is_isolated_retried_and_fails_the_job(yard: Yard) -> None:
    yard.start_worker("w0")
    yard.start_worker("w1")
    yard.submit("p", **PREDICT, retries=1)
    tries = 0
    while not JobState(yard.store.job("p").state).ended:
        yard.run_pass()
        for task in yard.claim_all("p"):
            if task.start <= 3 < task.stop:
                tries += 1
                error = TaskFailure("batch 3 (rows 24 to 31): boom", batch=3)
                yard.store.fail("p", task.id, task.attempt, task.incarnation, error)
            else:
                yard.commit("p", task)
    job = yard.store.job("p")
    assert (job.state, job.reason, tries) == (JobState.FAILED, "batch 3 (rows 24 to 31): boom", 2)


@pytest.mark.parametrize("retries", [0, 1])
def test_a_quarantined_batch_is_left_out_where_the_job_allows_it(yard: Yard, retries: int) -> None:
    yard.start_worker("w0")
    yard.submit("p", **PREDICT, retries=retries, on_error="continue")
    finish_range_job(yard, "p", bad=3)
    assert yard.store.job("p").state == JobState.SUCCEEDED
    assert [(e.start, e.stop) for e in yard.store.ledger("p") if e.error] == [(3, 4)]


def test_a_range_that_kills_its_workers_fails_the_job(yard: Yard) -> None:
    yard.submit("p", **PREDICT, samples=8)
    while not JobState(yard.store.job("p").state).ended:
        yard.start_worker("w0")
        yard.run_pass()
        yard.claim_all("p")
        yard.kill("w0")
        yard.run_pass()
    assert yard.store.job("p").reason == (
        "11 workers died while they computed batches 0 to 0; see the workers' logs"
    )


def test_stopping_a_predict_job_finishes_what_is_in_hand(yard: Yard) -> None:
    yard.start_worker("w0")
    yard.submit("p", **PREDICT)
    yard.run_pass()
    task = yard.claim_all("p")[0]
    yard.store.request("p", Want.STOP)
    yard.run_pass()
    assert yard.store.job("p").state == JobState.RUNNING
    for held in yard.store.tasks("p"):
        if held.state == TaskState.RUNNING:
            yard.commit("p", held)
    yard.run_pass()
    assert yard.store.job("p").state == JobState.CANCELLED
    assert task.start in {entry.start for entry in yard.store.ledger("p")}


def finish_range_job(yard: Yard, job_id: str, bad: int = -1) -> None:
    """Play workers that do as they are told until the job ends."""
    while not JobState(yard.store.job(job_id).state).ended:
        yard.run_pass()
        for task in yard.claim_all(job_id):
            if task.kind == TaskKind.JOIN:
                yard.store.finish(job_id, task.id, task.attempt, task.incarnation, {"reason": "joined"})
            elif task.start <= bad < task.stop:
                failure = TaskFailure("boom", batch=bad)
                yard.store.fail(job_id, task.id, task.attempt, task.incarnation, failure)
            else:
                yard.commit(job_id, task)


@pytest.mark.parametrize("seed", range(20))
def test_every_batch_is_in_the_ledger_once_whatever_dies_repeats_or_comes_late(yard: Yard, seed: int) -> None:
    """Deaths, zombies, lost and doubled messages, failures, new schedulers: one cover, no overlap."""
    dice = random.Random(seed)
    yard.submit("p", **PREDICT, samples=8 * 40, claim_timeout=0.001, retries=1000)
    held = []
    for number in range(3):
        yard.start_worker(f"w{number}")
    for _ in range(60):
        yard.run_pass()
        if dice.random() < 0.2:
            yard.restart_scheduler()
        for task in yard.dispatched("p"):
            event = dice.random()
            if event < 0.2:
                continue  # the message is lost or late
            claims = [yard.claim("p", task) for _ in range(dice.choice([1, 1, 2]))]
            held += [c.task for c in claims if hasattr(c, "task") and c.task.kind == TaskKind.RANGE][:1]
        dice.shuffle(held)
        for task in held[: dice.randrange(4)]:
            held.remove(task)
            if dice.random() < 0.2:
                batch = dice.randrange(task.start, task.stop)
                error = TaskFailure("boom", batch=batch)
                yard.store.fail("p", task.id, task.attempt, task.incarnation, error)
            else:
                for _ in range(dice.choice([1, 1, 2])):
                    yard.commit("p", task)
        if dice.random() < 0.2:
            name = f"w{dice.randrange(3)}"
            yard.kill(name)  # what it held stays in `held`: a zombie will try to commit it
            yard.run_pass()
            yard.start_worker(name)
            yard.store.order(name, yard.workers[name].incarnation, WorkerOrder.GO_ON)
        for name, worker in list(yard.workers.items()):
            if yard.store.beat(name, worker.incarnation, 100) == WorkerOrder.RESTART:
                yard.start_worker(name)
    for name in list(yard.workers):
        yard.kill(name)
        yard.start_worker(name)
    finish_range_job(yard, "p")
    ledger = yard.store.ledger("p")
    assert [batch for entry in ledger for batch in range(entry.start, entry.stop)] == list(range(40))
    assert yard.store.job("p").batches_done == 40
    assert len({entry.part for entry in ledger}) == len(ledger)


# ---- contact with Redis


def test_an_expired_heartbeat_counts_only_after_unbroken_contact() -> None:
    contact = Contact(patience=5.0)
    contact.touch(100.0)
    assert not contact.settled
    for second in range(101, 106):
        contact.touch(float(second))
    assert contact.settled
    contact.touch(118.0)  # Redis was away
    assert not contact.settled
