"""Waiting for what happens in a running system, and hurting it."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import h5py

from batchyard.scheduler import Client, JobHandle
from batchyard.scheduler.protocol import EventKind, JobState, WorkerRecord

#: Seconds after which a wait counts as a hang.
DEADLINE = 120.0


def wait_until(client: Client, what: str, condition: Callable[[], bool]) -> None:
    """Return when a condition holds; looks again whenever something happens in the store."""
    deadline = time.monotonic() + DEADLINE
    position = client.store.last_wakeup()
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE:g} s in vain: {what}"
        position = client.store.wait_for_wakeup(position, 0.02)


def wait_for_workers(client: Client, count: int) -> list[WorkerRecord]:
    """Return the workers when so many beat."""

    def beating() -> list[WorkerRecord]:
        return [worker for worker in client.workers() if worker.beating and not worker.order]

    wait_until(client, f"{count} workers", lambda: len(beating()) >= count)
    return beating()


def wait_for_epoch(job: JobHandle, epoch: int) -> None:
    """Return when a fit job has finished an epoch (counted from 0)."""
    for event in job.events(follow=True):
        if event.kind == EventKind.EPOCH and event.data["epoch"] >= epoch:
            return
    raise AssertionError(f"{job} ended before epoch {epoch}: {job.status()}")


def wait_for_progress(client: Client, job: JobHandle, steps: int) -> None:
    """Return when a predict or evaluate job has done so many batches."""
    wait_until(
        client,
        f"{steps} batches of {job.id}",
        lambda: job.record().batches_done >= steps or job.status().state.ended,
    )
    assert job.status().state == JobState.RUNNING, "the job ended too early for this test"


def members(client: Client, job: JobHandle) -> list[WorkerRecord]:
    """Return the workers of a job's crew, by rank."""
    workers = {worker.incarnation: worker for worker in client.workers()}
    crew = client.store.crew(job.id)
    return [workers[m.incarnation] for m in crew.members if m.incarnation in workers]


def kill(worker: WorkerRecord) -> None:
    """Kill a worker's process, for real."""
    os.kill(worker.pid, signal.SIGKILL)


def weights_hash(path: Path) -> str:
    """Return the SHA-256 of all weights of a model file, in the order of their names."""
    digest = hashlib.sha256()

    def add(name: str, node: h5py.Dataset | h5py.Group) -> None:
        if isinstance(node, h5py.Dataset):
            digest.update(name.encode())
            digest.update(node[()].tobytes())

    with h5py.File(path, "r") as file:
        file["model_weights"].visititems(add)
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
