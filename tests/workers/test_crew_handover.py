"""A new generation goes on from the newest state that a member has, and decides each epoch once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from batchyard.models import Model, Sequential
from batchyard.models.backend import clear_session
from batchyard.models.callbacks import Callback, CallbackList, Decision
from batchyard.models.layers import Dense
from batchyard.models.training import ArrayData, Columns, FitState, pack
from batchyard.scheduler.protocol import Crew, JobRecord, Member, TaskKind, TaskRecord, TaskState
from batchyard.scheduler.store import Claim, Store
from batchyard.workers.crew import CrewChanged, FitMemory, Group, MeetingPoint, Watcher, hand_over
from batchyard.workers.crew.decisions import Decisions

HERE = "me#1"


class Counting(Callback):
    """Counts how often it ran."""

    runs = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.runs += 1


def compiled(scale: float) -> Model:
    clear_session()
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("adam", "mse")
    model.set_weights([np.full((3, 2), scale, "float32"), np.zeros(2, "float32")])
    return model


def memory(scale: float, iterations: int | None, epoch: int = 0) -> FitMemory:
    """A member whose weights tell which one it is; without iterations it has no state."""
    model = compiled(scale)
    column = torch.zeros((4, 3))
    data = ArrayData(
        Columns([column], [column[:, :2]], [None], [torch.float32], [torch.float32], model.device), 2
    )
    callbacks = CallbackList([Counting()])
    callbacks.set_model(model)
    state = None if iterations is None else FitState(seed=1, epoch=epoch, iterations=iterations)
    return FitMemory(model, data, None, callbacks, state)


def together(store: Store, members: list[FitMemory], begin: Callable[[int], FitState]) -> None:
    """Let members hand over, each in a thread."""
    errors: list[BaseException] = []

    def take_part(rank: int) -> None:
        try:
            meeting = MeetingPoint(store.rendezvous("job", 1), lambda: None, 60.0)
            group = Group(rank, len(members), meeting, lambda: None, lambda reason: None, 60.0)
            group.connect("127.0.0.1", torch.device("cpu"))
            hand_over(group, members[rank], lambda: begin(rank))
            group.drop()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=take_part, args=(rank,)) for rank in range(len(members))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def never(rank: int) -> FitState:
    raise AssertionError(f"rank {rank} began anew though a member has a state")


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    with Store.connect(redis_url) as store:
        yield store


@pytest.mark.parametrize(
    ("cursors", "newest"),
    [
        ([(5, 0), (6, 0), None], 1),
        ([None, None, (1, 0)], 2),
        ([(6, 0), (6, 1), (5, 0)], 1),  # a decision was applied without a step
        ([(6, 1), (6, 1), (6, 1)], 0),
    ],
)
def test_the_newest_state_wins(store: Store, cursors: list[tuple[int, int] | None], newest: int) -> None:
    members = [memory(float(rank), *(cursor or (None,))) for rank, cursor in enumerate(cursors)]
    expected = pack(members[newest].model, members[newest].fit_state)
    alike = [rank for rank, cursor in enumerate(cursors) if cursor == cursors[newest]]
    together(store, members, never)
    for rank, member in enumerate(members):
        if rank == newest or rank not in alike:
            assert pack(member.model, member.fit_state) == expected
        else:  # nothing was sent to whoever is as far: equal cursors have equal bits
            assert member.model.get_weights()[0][0, 0] == float(rank)


def test_without_any_state_the_first_member_begins_and_hands_over(store: Store) -> None:
    members = [memory(float(rank), None) for rank in range(3)]
    begun = []

    def begin(rank: int) -> FitState:
        begun.append(rank)
        return FitState(seed=9)

    together(store, members, begin)
    assert begun == [0]
    assert {pack(member.model, member.fit_state) for member in members} == {
        pack(members[0].model, FitState(seed=9))
    }


@pytest.fixture
def job(store: Store) -> JobRecord:
    """A running job in generation 1, of which this process is the only member."""
    token = store.lead("test", 1000.0)
    assert token
    job = JobRecord(id="job", kind="fit", spec={}, owner="tester", priority=0, directory="/nowhere")
    store.submit(job)
    store.start_job(token, "job", fields={})
    seat = TaskRecord(
        id="seat", kind=TaskKind.SEAT, attempt=1, state=TaskState.RUNNING, worker="me", incarnation=HERE
    )
    store.create_task(token, "job", seat)
    store.regroup(token, "job", 0, Crew(1, (Member(0, "me", HERE, "seat", (0, 4)),)), "test")
    return job


def decide(store: Store, job: JobRecord, member: FitMemory, generation: int = 1) -> Decision:
    """Decide epoch 0 as the only member of a generation."""
    seat = TaskRecord(id="seat", kind=TaskKind.SEAT, attempt=1)
    with Watcher(store, Claim(job, seat), HERE) as watcher:
        watcher.watch(generation)
        meeting = MeetingPoint(store.rendezvous("job", generation), watcher.check, 60.0)
        group = Group(0, 1, meeting, watcher.check, lambda reason: None, 60.0)
        decisions = Decisions(store, "job", generation, group, watcher, member)
        return decisions.decide(0, lambda: member.callbacks.decide(0, {"loss": 1.0}))


def runs(member: FitMemory) -> int:
    (callback,) = member.callbacks
    assert isinstance(callback, Counting)
    return callback.runs


def test_a_decision_is_written_and_stands(store: Store, job: JobRecord) -> None:
    member = memory(1.0, 2)
    decision = decide(store, job, member)
    assert runs(member) == 1
    assert store.decision("job", 0) == decision.to_json()


def test_a_decision_that_stands_is_used_and_no_callback_runs(store: Store, job: JobRecord) -> None:
    earlier = memory(1.0, 2).callbacks.decide(0, {"loss": 0.5})
    assert store.decide("job", 1, 0, earlier.to_json()) == earlier.to_json()
    member = memory(1.0, 2)
    assert decide(store, job, member) == earlier
    assert runs(member) == 0


def test_a_decision_of_a_generation_that_is_over_is_refused(store: Store, job: JobRecord) -> None:
    (member_now,) = store.crew("job").members
    token = store.leader()
    assert token
    store.regroup(token, "job", 1, Crew(2, (member_now,)), "test")
    with pytest.raises(CrewChanged):
        decide(store, job, memory(1.0, 2), generation=1)
    assert store.decision("job", 0) is None
