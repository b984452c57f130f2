"""A process that takes a seat, for the tests of crews: what a worker does, without Celery and supervisor.

A fault ends or stops this process at one exact point. Each applied step is told as `step <iterations>
<seconds since the epoch>`, the end as `ended <outcome>`.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch

from batchyard.models.callbacks import CallbackList
from batchyard.models.training import FitState
from batchyard.scheduler.protocol import TaskMessage, WorkerRecord
from batchyard.scheduler.store import Claim, Store
from batchyard.workers.checkpoints import CheckpointWriter
from batchyard.workers.context import WorkerContext
from batchyard.workers.crew import CrewStrategy, Exchange, Group, exchange, seat
from batchyard.workers.crew.decisions import Decisions
from batchyard.workers.crew.lead import Lead
from batchyard.workers.failures import describe

LONG = 1000.0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def before(owner: Any, name: str, act: Callable[[], None], call: int = 1) -> Callable[[], None]:
    """Act before the n-th call of a method."""
    return _around(owner, name, act, None, call)


def after(owner: Any, name: str, act: Callable[[], None], call: int = 1) -> Callable[[], None]:
    """Act after the n-th call of a method."""
    return _around(owner, name, None, act, call)


def _around(
    owner: Any, name: str, first: Callable[[], None] | None, last: Callable[[], None] | None, call: int
) -> Callable[[], None]:
    def arm() -> None:
        method = getattr(owner, name)
        calls = 0

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            now = calls == call
            if now and first:
                first()
            answer = method(*args, **kwargs)
            if now and last:
                last()
            return answer

        setattr(owner, name, wrapped)

    return arm


def hold(step: int) -> Callable[[], None]:
    """Let a step last until the generation is over."""

    def arm() -> None:
        reduce = CrewStrategy.reduce
        steps = 0

        def held(self: CrewStrategy, results: Any) -> Any:
            nonlocal steps
            steps += 1
            while steps == step:
                self._watcher.check()
                self._watcher.pause(0.01)
            return reduce(self, results)

        CrewStrategy.reduce = held  # type: ignore[method-assign]

    return arm


def late_record(step: int) -> Callable[[], None]:
    """Let the first checkpoint take until some step is done, and end before it is on record."""

    def arm() -> None:
        step_done, reached = CrewStrategy.step_done, threading.Event()

        def told(self: CrewStrategy, state: FitState) -> None:
            if state.iterations == step:
                reached.set()
                # Until the process ends: under load it would get to the next epoch's end before, whose
                # checkpoint nobody makes up for.
                threading.Event().wait()
            step_done(self, state)

        def record(*_: Any) -> bool:
            reached.wait()
            die()
            return False

        CrewStrategy.step_done = told  # type: ignore[method-assign]
        Store.record_checkpoint = record  # type: ignore[method-assign]

    return arm


#: Where a member can be lost, stopped or held.
FAULTS: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "before the first handover": before(Group, "all_numbers", die),
    "before the second handover": before(seat, "hand_over", die, 2),
    "before the members connect": before(Group, "connect", die),
    "before an exchange": before(Exchange, "sum", die, 5),
    "between adding and gathering": before(Exchange, "_gather", die, 5),
    "after an exchange, before the step is applied": after(Exchange, "sum", die, 5),
    "after a step": after(CrewStrategy, "reduce", die, 5),
    "stopped in an exchange": before(Exchange, "_gather", stop, 5),
    "held in a step until the crew changes": hold(5),
    "held in the second epoch until the crew changes": hold(9),
    "in validation": before(CrewStrategy, "reduce_sums", die),
    "before the callbacks run": before(CallbackList, "decide", die),
    "after the callbacks ran": after(CallbackList, "decide", die),
    "before the arrays are shared": before(Decisions, "_share_arrays", die),
    "after the arrays are shared": after(Decisions, "_share_arrays", die),
    "before the decision is written": before(Store, "decide", die),
    "after the decision is written": after(Store, "decide", die),
    "after the decision is applied": after(CallbackList, "apply", die),
    "after the epoch is in the books": after(FitState, "end_epoch", die),
    "in the middle of the second epoch's decision": after(Decisions, "_send_text", die, 2),
    "steps later, before a checkpoint is on record": late_record(9),
    "while a checkpoint is written": before(Store, "record_checkpoint", die),
    "before the result is written": before(Lead, "finish", die),
    "before the result is reported": before(Store, "finish_fit", die),
    "after a checkpoint is put": after(CheckpointWriter, "epoch_done", die),
}


def main(tell: Connection, url: str, worker: str, job: str, task: str, fault: str) -> None:
    torch.set_num_threads(1)
    exchange.SMALL_VECTOR = 64  # what a step of these small nets adds up is cut and gathered all the same
    store = Store.connect(url)
    incarnation = f"{worker}#{os.getpid()}"
    record = WorkerRecord(
        name=worker,
        incarnation=incarnation,
        host="here",
        pid=os.getpid(),
        device="cpu:0",
        fingerprint="cpu",
        allow_code=True,
        address="127.0.0.1",
    )
    store.register(record, LONG)
    context = WorkerContext(store, worker, incarnation, torch.device("cpu"), "127.0.0.1", threading.Event())
    signal.signal(signal.SIGTERM, lambda *_: context.draining.set())
    claim = store.claim(TaskMessage(job, task, 1), worker, incarnation)
    assert isinstance(claim, Claim), claim
    step_done = CrewStrategy.step_done

    def told(self: CrewStrategy, state: FitState) -> None:
        tell.send(f"step {state.iterations} {time.time()}")
        step_done(self, state)

    CrewStrategy.step_done = told  # type: ignore[method-assign]
    FAULTS[fault]()
    held = (claim.job.id, claim.task.id, claim.task.attempt, incarnation)
    try:
        outcome: str = seat.run_seat(claim, context)
    except Exception as error:
        outcome = "failed"
        store.fail(*held, describe(error))
    if outcome == "released":
        store.release(*held)
    tell.send(f"ended {outcome}")
