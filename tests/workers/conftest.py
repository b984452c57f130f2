"""A supervisor with real worker processes, and a real scheduler loop in a thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from batchyard.scheduler.jobs import JobSpec
from batchyard.scheduler.loop import serve
from batchyard.scheduler.protocol import JobRecord, JobState, WorkerRecord
from batchyard.scheduler.store import Store
from batchyard.workers.environment import HEARTBEAT_TTL, REDIS_URL

#: Seconds after which a wait counts as a hang.
DEADLINE = 60.0

START = """
import json, os, sys
from batchyard.workers.supervisor import main
sys.exit(main(os.environ["BATCHYARD_REDIS_URL"], **json.loads(sys.argv[1])))
"""


class Workshop:
    """A supervisor, its workers, and a scheduler."""

    def __init__(self, redis_url: str, folder: Path):
        self.url = redis_url
        self.folder = folder
        self.store = Store.connect(redis_url)
        self.supervisor: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._scheduler = threading.Thread(target=serve, args=(redis_url,), kwargs={"stop": self._stop})
        self._scheduler.start()

    def start(self, ttl: float = 5.0, **options: Any) -> list[WorkerRecord]:
        """Start a supervisor and return its workers when they are there."""
        options = {"devices": "cpu:1", "name": "t", "allow_code": True, **options}
        self.supervisor = subprocess.Popen(
            [sys.executable, "-c", START, json.dumps(options)],
            env={**os.environ, REDIS_URL: self.url, HEARTBEAT_TTL: str(ttl)},
        )
        count = int(options["devices"].split(":")[1])
        self.wait_until(lambda: sum(w.beating for w in self.store.workers()) >= count)
        return self.store.workers()

    def close(self) -> None:
        if self.supervisor is not None and self.supervisor.poll() is None:
            self.supervisor.terminate()
            self.supervisor.wait(DEADLINE)
        self._stop.set()
        self._scheduler.join()
        self.store.close()

    def wait_until(self, condition: Callable[[], bool], seconds: float = DEADLINE) -> None:
        """Return when a condition holds; looks again whenever something happens in the store."""
        deadline = time.monotonic() + seconds
        position = self.store.last_wakeup()
        while not condition():
            assert time.monotonic() < deadline, f"waited {seconds:g} s in vain"
            position = self.store.wait_for_wakeup(position, 0.02)

    def submit(self, job_id: str, **spec: Any) -> JobRecord:
        """Submit a job; `batches` and the like are worked out here."""
        checked = JobSpec.model_validate({"name": job_id, "code_directory": str(self.folder), **spec})
        job = JobRecord(
            id=job_id,
            kind=checked.kind,
            spec=json.loads(checked.model_dump_json()),
            owner="tester",
            priority=0,
            directory=str(self.folder / job_id),
            batches=checked.batches,
        )
        self.store.submit(job)
        return job

    def ended(self, job_id: str) -> JobRecord:
        """Return a job when it has ended."""
        self.wait_until(lambda: JobState(self.store.job(job_id).state).ended)
        return self.store.job(job_id)

    def running(self, job_id: str) -> None:
        """Return when a worker computes a task of the job."""
        self.wait_until(lambda: any(task.state == "running" for task in self.store.tasks(job_id)))


@pytest.fixture
def workshop(redis_url: str, tmp_path: Path) -> Iterator[Workshop]:
    workshop = Workshop(redis_url, tmp_path)
    try:
        yield workshop
    finally:
        workshop.close()
