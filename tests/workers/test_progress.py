"""Progress and epochs are told without holding up who trains; no epoch is lost, none is told twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.protocol import EventKind, JobRecord, Progress
from batchyard.scheduler.store import Store
from batchyard.workers.progress import ProgressReporter


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    with Store.connect(redis_url) as store:
        store.submit(JobRecord("job", "fit", {}, "tester", 0, "/nowhere"))
        yield store


def told(store: Store) -> list[dict[str, Any]]:
    return [event.data for event in store.events("job") if event.kind == EventKind.EPOCH]


def test_the_newest_progress_and_all_epochs_arrive_in_order(store: Store) -> None:
    with ProgressReporter(store, "job") as reporter:
        for step in range(20):
            reporter.progress(Progress(step=step))
            reporter.epoch({"epoch": step})
        assert reporter.flush(10.0)
    assert store.progress("job").step == 19
    assert [data["epoch"] for data in told(store)] == list(range(20))


def test_epochs_that_nobody_told_of_are_made_up_for_once(store: Store) -> None:
    store.tell_epoch("job", {"epoch": 0})
    with ProgressReporter(store, "job") as reporter:
        for _ in range(2):
            reporter.catch_up([0, 1, 2], {"loss": [3.0, 2.0, 1.0]})
        assert reporter.flush(10.0)
    assert [data["epoch"] for data in told(store)] == [0, 1, 2]
    assert told(store)[2]["logs"] == {"loss": 1.0}


def test_epochs_wait_for_redis_to_come_back_and_are_told_once_though_the_answer_got_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell, refused, back = store.tell_epoch, threading.Event(), threading.Event()

    def away(*args: Any) -> None:
        if not back.is_set():
            tell(*args)  # only the answer gets lost
            refused.set()
            raise StoreUnavailable("Redis is away")
        tell(*args)

    monkeypatch.setattr(store, "tell_epoch", away)
    with ProgressReporter(store, "job") as reporter:
        reporter.epoch({"epoch": 7})
        assert refused.wait(10.0)
        back.set()
        assert reporter.flush(10.0)
    assert [data["epoch"] for data in told(store)] == [7]


def test_progress_is_due_again_after_a_while_only(store: Store) -> None:
    with ProgressReporter(store, "job") as reporter:
        assert reporter.due()
        reporter.progress(Progress())
        assert not reporter.due()
