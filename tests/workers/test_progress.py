"""Progress and events are sent without holding up whoever tells of them, and events are not lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.protocol import EventKind, Progress
from batchyard.scheduler.store import Store
from batchyard.workers.progress import ProgressReporter


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    with Store.connect(redis_url) as store:
        yield store


def told(store: Store) -> list[dict[str, Any]]:
    return [event.data for event in store.events("job") if event.kind == EventKind.EPOCH]


def test_the_newest_progress_and_all_events_arrive_in_order(store: Store) -> None:
    with ProgressReporter(store, "job") as reporter:
        for step in range(20):
            reporter.progress(Progress(step=step))
            reporter.event(EventKind.EPOCH, {"epoch": step})
        assert reporter.flush(10.0)
    assert store.progress("job").step == 19
    assert [data["epoch"] for data in told(store)] == list(range(20))


def test_epochs_that_nobody_told_of_are_made_up_for_once(store: Store) -> None:
    store.emit("job", EventKind.EPOCH, {"epoch": 0})
    with ProgressReporter(store, "job") as reporter:
        for _ in range(2):
            reporter.catch_up([0, 1, 2], {"loss": [3.0, 2.0, 1.0]})
        assert reporter.flush(10.0)
    assert [data["epoch"] for data in told(store)] == [0, 1, 2]
    assert told(store)[2]["logs"] == {"loss": 1.0}


def test_events_wait_for_redis_to_come_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    emit, refused, back = store.emit, threading.Event(), threading.Event()

    def away(*args: Any) -> None:
        if not back.is_set():
            refused.set()
            raise StoreUnavailable("Redis is away")
        emit(*args)

    monkeypatch.setattr(store, "emit", away)
    with ProgressReporter(store, "job") as reporter:
        reporter.event(EventKind.EPOCH, {"epoch": 7})
        assert refused.wait(10.0)
        back.set()
        assert reporter.flush(10.0)
    assert [data["epoch"] for data in told(store)] == [7]


def test_progress_is_due_again_after_a_while_only(store: Store) -> None:
    with ProgressReporter(store, "job") as reporter:
        assert reporter.due()
        reporter.progress(Progress())
        assert not reporter.due()
