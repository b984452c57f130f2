from __future__ import annotations

import socket
import threading
import time

import pytest

from batchyard.scheduler.errors import AmbiguousJob, NotLeader, RedisUnreachable, UnknownJob
from batchyard.scheduler.protocol import (
    Checkpoint,
    Crew,
    EventKind,
    JobState,
    Member,
    TaskFailure,
    TaskMessage,
    TaskState,
    Want,
    WorkerOrder,
)
from batchyard.scheduler.store import Claim, Refusal, Store, hide_password
from tests.scheduler.yard import LONG, Yard


def running_predict(yard: Yard, workers: int = 1) -> None:
    for number in range(workers):
        yard.start_worker(f"w{number}")
    yard.submit("p", kind="predict", data={"file": "/data.h5", "x": "x"})
    yard.run_pass()


def crew_of_one(generation: int) -> Crew:
    return Crew(generation, (Member(0, "w0", "w0#1", "seat-1", (0, 4)),))


# ---- jobs


def test_submitting_twice_queues_one_job(yard: Yard) -> None:
    yard.submit("a")
    yard.submit("a")
    assert [job.id for job in yard.store.jobs()] == ["a"]
    assert [event.kind for event in yard.store.events("a")] == [EventKind.SUBMITTED]


def test_an_unknown_job_is_answered_with_those_that_look_like_it(yard: Yard) -> None:
    yard.submit("digits-train-1a")
    with pytest.raises(UnknownJob, match="digits-train-1a"):
        yard.store.job("digits-trian-1a")


def test_a_job_is_found_by_id_by_a_beginning_and_by_its_name(yard: Yard) -> None:
    for job_id in ("digits-1", "digits-2", "other-1"):
        yard.submit(job_id)
    assert yard.store.resolve("digits-1") == "digits-1"
    assert yard.store.resolve("oth") == "other-1"
    with pytest.raises(AmbiguousJob, match="digits-1"):
        yard.store.resolve("digits-")


def test_cancelling_a_queued_job_ends_it_at_once(yard: Yard) -> None:
    yard.submit("a")
    assert yard.store.request("a", Want.CANCEL) == JobState.CANCELLED
    assert yard.store.events("a")[-1].kind == EventKind.ENDED
    yard.start_worker("w0")
    yard.run_pass()
    assert yard.store.job("a").state == JobState.CANCELLED


def test_a_cancelled_job_does_not_go_back_to_stopping(yard: Yard) -> None:
    running_predict(yard)
    yard.store.request("p", Want.CANCEL)
    yard.store.request("p", Want.STOP)
    assert yard.store.want("p") == Want.CANCEL


# ---- tasks


def test_a_message_delivered_twice_is_claimed_by_one_process(yard: Yard) -> None:
    running_predict(yard)
    task = yard.dispatched("p")[0]
    message = TaskMessage("p", task.id, task.attempt)
    assert isinstance(yard.store.claim(message, "w0", "w0#1"), Claim)
    assert isinstance(yard.store.claim(message, "w0", "w0#2"), Refusal)


def test_claiming_again_after_a_lost_answer_gives_the_same_right(yard: Yard) -> None:
    running_predict(yard)
    task = yard.dispatched("p")[0]
    assert yard.claim("p", task) == yard.claim("p", task)


def test_a_late_message_of_an_earlier_attempt_is_refused(yard: Yard) -> None:
    running_predict(yard, workers=2)
    task = yard.claim_all("p")[0]
    yard.kill(task.worker)
    yard.run_pass()
    answer = yard.store.claim(TaskMessage("p", task.id, task.attempt), task.worker, task.incarnation)
    assert isinstance(answer, Refusal)
    assert "attempt 1 is over" in answer.reason


def test_a_zombies_commit_is_refused(yard: Yard) -> None:
    running_predict(yard, workers=2)
    task = yard.claim_all("p")[0]
    yard.kill(task.worker)
    yard.run_pass()
    assert not yard.commit("p", task)
    assert yard.store.ledger("p") == []


def test_committing_again_after_a_lost_answer_succeeds_and_counts_once(yard: Yard) -> None:
    running_predict(yard)
    task = yard.claim_all("p")[0]
    assert yard.commit("p", task)
    assert yard.commit("p", task)
    assert yard.store.job("p").batches_done == task.stop - task.start


def test_a_failed_attempt_waits_with_its_error(yard: Yard) -> None:
    running_predict(yard)
    task = yard.claim_all("p")[0]
    failure = TaskFailure("boom", "Traceback …", batch=task.start)
    assert yard.store.fail("p", task.id, task.attempt, task.incarnation, failure)
    left = next(t for t in yard.store.tasks("p") if t.id == task.id)
    assert (left.state, left.failures, left.last_error, left.failed_batch) == (
        TaskState.WAITING,
        1,
        "boom",
        task.start,
    )


def test_a_worker_learns_that_its_task_was_cancelled(yard: Yard) -> None:
    running_predict(yard)
    task = yard.claim_all("p")[0]
    assert yard.store.still_mine("p", task.id, task.attempt, task.incarnation)
    yard.store.request("p", Want.CANCEL)
    assert not yard.store.still_mine("p", task.id, task.attempt, task.incarnation)


# ---- crews


def test_the_first_decision_of_an_epoch_stands(yard: Yard) -> None:
    running_predict(yard)
    yard.store.regroup(yard.token, "p", 0, crew_of_one(1), "start")
    assert yard.store.decide("p", 1, 0, "first") == "first"
    assert yard.store.decide("p", 1, 0, "second") == "first"


def test_a_member_of_an_earlier_generation_decides_nothing(yard: Yard) -> None:
    running_predict(yard)
    yard.store.regroup(yard.token, "p", 0, crew_of_one(1), "start")
    yard.store.regroup(yard.token, "p", 1, crew_of_one(2), "death")
    checkpoint = Checkpoint("a.h5", "a.state", "", "", 1, 0, 10)
    assert yard.store.decide("p", 1, 0, "late") is None
    assert not yard.store.record_checkpoint("p", 1, checkpoint)
    assert not yard.store.finish_fit("p", 1, {"model": "late"})
    assert yard.store.decision("p", 0) is None


def test_one_outcome_stands(yard: Yard) -> None:
    running_predict(yard)
    yard.store.regroup(yard.token, "p", 0, crew_of_one(1), "start")
    assert yard.store.finish_fit("p", 1, {"model": "a"})
    assert yard.store.finish_fit("p", 1, {"model": "a"})
    assert not yard.store.finish_fit("p", 1, {"model": "b"})


def test_a_signal_wakes_who_waits_for_it(yard: Yard) -> None:
    running_predict(yard)
    after = yard.store.last_signal("p")
    kinds: list[str] = []
    waiting = threading.Thread(target=lambda: kinds.extend(s.kind for s in yard.store.signals("p", after, 2)))
    waiting.start()
    yard.store.regroup(yard.token, "p", 0, crew_of_one(1), "start")
    waiting.join(timeout=10)
    assert kinds == ["generation"]


def test_the_meeting_point_keeps_bytes_and_counts(yard: Yard) -> None:
    meeting = yard.store.rendezvous("p", 1)
    meeting.set("0/1", b"\x00\xff")
    assert meeting.get("0/1") == b"\x00\xff"
    assert meeting.get("0/2") is None
    assert [meeting.add("n", 2), meeting.add("n", 3)] == [2, 5]
    assert meeting.check(["0/1"])
    assert not meeting.check(["0/1", "0/2"])


# ---- workers


def test_an_earlier_incarnation_is_told_to_leave(yard: Yard) -> None:
    yard.start_worker("w0")
    yard.start_worker("w0")
    assert yard.store.beat("w0", "w0#1", LONG) == WorkerOrder.LEAVE
    assert yard.store.beat("w0", "w0#2", LONG) == WorkerOrder.GO_ON


def test_a_worker_that_was_given_up_comes_back_as_a_new_process(yard: Yard) -> None:
    worker = yard.start_worker("w0")
    yard.kill("w0")
    assert yard.store.beat("w0", worker.incarnation, LONG) == WorkerOrder.RESTART


def test_a_worker_whose_record_redis_lost_registers_again(yard: Yard) -> None:
    assert yard.store.beat("w0", "w0#1", LONG) == WorkerOrder.REGISTER


def test_forgetting_a_worker_removes_its_queue(yard: Yard) -> None:
    running_predict(yard)
    worker = yard.workers["w0"]
    assert yard.store.queue_depths([worker]) == {"w0": 2}
    assert yard.store.deregister("w0", worker.incarnation)
    assert yard.store.queue_depths([worker]) == {"w0": 0}
    assert yard.store.workers() == []


# ---- leadership and connection


def test_one_scheduler_leads_and_a_late_leader_changes_nothing(yard: Yard) -> None:
    assert yard.store.lead("standby", LONG) is None
    assert yard.store.lead("test", LONG, yard.token) == yard.token
    yard.store.resign(yard.token)
    assert yard.store.lead("standby", LONG) == "2:standby"
    yard.start_worker("w0")
    yard.submit("a")
    with pytest.raises(NotLeader):
        yard.run_pass()
    assert yard.store.job("a").state == JobState.QUEUED


def test_an_unreachable_redis_is_reported_within_five_seconds_and_without_its_password() -> None:
    with socket.socket() as silent:  # accepts connections and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        with pytest.raises(RedisUnreachable) as caught:
            Store.connect(f"redis://:secret@127.0.0.1:{silent.getsockname()[1]}/0", timeout=1.0)
        assert time.monotonic() - started < 5
    assert "secret" not in str(caught.value)
    assert "--redis" in str(caught.value)


def test_a_url_is_shown_without_its_password() -> None:
    assert hide_password("redis://me:secret@host:1/0") == "redis://me:***@host:1/0"
    assert hide_password("redis://host:1/0") == "redis://host:1/0"
