"""From a message to the report of how its task ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.protocol import TaskKind, TaskMessage, TaskState
from batchyard.scheduler.store import Claim
from batchyard.workers.context import WorkerContext
from batchyard.workers.job_log import JobLog
from batchyard.workers.task_runner import Handler, Outcome, TaskRunner
from tests.scheduler.yard import Yard


@pytest.fixture
def yard(redis_url: str) -> Iterator[Yard]:
    yard = Yard(redis_url)
    yield yard
    yard.close()


def run_next(yard: Yard, kind: TaskKind, handler: Handler) -> None:
    """Let worker w0 run the next task that was sent to it."""
    task = yard.dispatched("j")[0]
    incarnation = yard.workers["w0"].incarnation
    context = WorkerContext(yard.store, "w0", incarnation, torch.device("cpu"), "127.0.0.1")
    job_log = JobLog(yard.store, "w0")
    TaskRunner(context, {kind: handler}, job_log).run(kind, TaskMessage("j", task.id, task.attempt))
    job_log.close()


def lose_redis(claim: Claim) -> Outcome:
    """Meet an outage at a place that does not wait it out."""
    raise StoreUnavailable("Redis was away for a moment")


def test_a_range_whose_computation_met_an_outage_is_handed_back(yard: Yard) -> None:
    yard.start_worker("w0")
    yard.submit("j", kind="predict", data={"file": "/data.h5", "x": "x"})
    yard.run_pass()
    first = yard.dispatched("j")[0]
    run_next(yard, TaskKind.RANGE, lose_redis)
    (task,) = [task for task in yard.store.tasks("j") if task.id == first.id]
    assert (task.state, task.incarnation, task.failures) == (TaskState.WAITING, "", 0)
    yard.run_pass()
    assert first.id in [task.id for task in yard.dispatched("j")]


def test_a_seat_whose_taking_met_an_outage_is_handed_back_and_the_worker_is_called_again(yard: Yard) -> None:
    yard.start_worker("w0")
    yard.submit("j")
    yard.run_pass()
    first = yard.dispatched("j")[0]
    run_next(yard, TaskKind.SEAT, lose_redis)
    assert yard.store.tasks("j") == []
    yard.run_pass()
    (second,) = yard.dispatched("j")
    assert (second.worker, second.id != first.id) == ("w0", True)
