"""Crews of real processes whose generations a test writes itself."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import queue
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from batchyard.scheduler.jobs import JobSpec
from batchyard.scheduler.protocol import Crew, JobRecord, JobState, Member, TaskKind, TaskRecord, TaskState
from batchyard.scheduler.splitting import assign_lanes
from batchyard.scheduler.store import Store
from tests.workers import crew_member

#: Members are forked from a process that has imported torch and computed nothing.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.workers.crew_member"])
#: What workers have in their environment (`batchyard.workers.environment`).
ENVIRONMENT = {"MKL_CBWR": "AVX2,STRICT", "BATCHYARD_ALLOW_CODE": "1"}
LONG = 1000.0
#: Seconds after which a wait counts as a hang.
DEADLINE = 60.0
#: The last batch of an epoch has two rows: fewer than there are lanes.
TRAINING_ROWS, STEPS_PER_EPOCH = 42, 6

MODEL = {
    "class_name": "Sequential",
    "config": {
        "name": "net",
        "layers": [
            {
                "class_name": "Dense",
                "config": {"name": "in", "units": 16, "activation": "relu", "batch_input_shape": [None, 8]},
            },
            {"class_name": "BatchNormalization", "config": {"name": "norm"}},
            {"class_name": "Dropout", "config": {"name": "drop", "rate": 0.25}},
            {"class_name": "Dense", "config": {"name": "out", "units": 3, "activation": "softmax"}},
        ],
    },
    "keras_version": "2.2.4",
}


class CrewProcess:
    """A member's process and what it told so far."""

    def __init__(self, yard: CrewYard, worker: str, fault: str) -> None:
        self.worker = worker
        self.seat = f"seat-{worker}"
        yard.create_seat(self.seat, worker)
        told, tell = PROCESSES.Pipe(duplex=False)
        self.process = PROCESSES.Process(
            target=crew_member.main, args=(tell, yard.url, worker, yard.job.id, self.seat, fault)
        )
        self.process.start()
        tell.close()
        assert self.process.pid is not None
        self.pid = self.process.pid
        self.incarnation = f"{worker}#{self.pid}"
        self.lines: list[str] = []
        self._told: queue.Queue[str | None] = queue.Queue()
        # In a thread, so that a member never waits for the test to listen.
        threading.Thread(target=self._listen, args=(told,), daemon=True).start()

    def _listen(self, told: Connection) -> None:
        with told, contextlib.suppress(EOFError):
            while True:
                self._told.put(told.recv())
        self._told.put(None)

    def wait_for(self, beginning: str) -> str:
        """Return the next line that begins so; fails when the process ends before."""
        while (line := self._told.get(timeout=DEADLINE)) is not None:
            self.lines.append(line)
            if line.startswith(beginning):
                return line
        raise AssertionError(f"{self.worker} told no {beginning!r}: {self.lines[-3:]}")

    def wait_for_step(self, iterations: int) -> float:
        """Return when this member has applied so many steps, and when that was."""
        while True:
            _, step, at = self.wait_for("step ").split()
            if int(step) >= iterations:
                return float(at)

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)

    def killed(self) -> None:
        """Return when the process was ended by SIGKILL: its fault has come true."""
        self.gone()
        assert self.process.exitcode == -signal.SIGKILL, f"{self.worker} met no fault: {self.lines[-3:]}"

    def gone(self) -> None:
        """Return when the process has ended."""
        self.process.join(DEADLINE)
        assert self.process.exitcode is not None

    def stopped(self) -> None:
        """Return when the process is stopped by SIGSTOP."""
        deadline = time.monotonic() + DEADLINE
        while "T" not in Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]:
            assert time.monotonic() < deadline, f"{self.worker} does not stop"
            os.sched_yield()


class CrewYard:
    """A store, a running fit job, and its leader: the test."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        os.environ.update(ENVIRONMENT)  # for the process that members are forked from
        self.store = Store.connect(url)
        self.token = self.store.lead("test", LONG) or ""
        self.processes: list[CrewProcess] = []
        self.job: JobRecord

    def close(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                process.kill()
            process.gone()
        self.store.resign(self.token)
        self.store.close()

    def start_job(
        self, job_id: str = "job", data_rows: int = TRAINING_ROWS + 11, **changes: Any
    ) -> JobRecord:
        """Submit a fit job and let it run."""
        folder = self.folder / job_id
        folder.mkdir(parents=True)
        rng = np.random.default_rng(3)
        x = rng.normal(size=(data_rows, 8)).astype("float32")
        np.save(folder / "x.npy", x)
        np.save(folder / "y.npy", np.eye(3, dtype="float32")[np.argmax(x[:, :3], 1)])
        (folder / "model.json").write_text(json.dumps(MODEL))
        spec = JobSpec.model_validate(
            {
                "name": job_id,
                "kind": "fit",
                "model": str(folder / "model.json"),
                "compile": {"optimizer": "adam", "loss": "categorical_crossentropy", "metrics": ["accuracy"]},
                "data": {"x": str(folder / "x.npy"), "y": str(folder / "y.npy")},
                "validation": {"split": 0.2},
                "epochs": 3,
                "batch_size": 8,
                "lanes": 4,
                "seed": 11,
                "code_directory": str(Path(__file__).parent),
                "callbacks": [
                    {"EarlyStopping": {"patience": 5, "restore_best_weights": True}},
                    {"ReduceLROnPlateau": {"patience": 1, "monitor": "val_loss", "min_delta": 10.0}},
                ],
                **changes,
            }
        )
        self.job = JobRecord(
            id=job_id,
            kind="fit",
            spec=spec.stored(),
            owner="tester",
            priority=0,
            directory=str(folder),
        )
        self.store.submit(self.job)
        assert self.store.start_job(self.token, job_id, fields={})
        return self.job

    def create_seat(self, seat: str, worker: str) -> None:
        record = TaskRecord(id=seat, kind=TaskKind.SEAT, attempt=1, state=TaskState.DISPATCHED, worker=worker)
        assert self.store.create_task(self.token, self.job.id, record)

    def start_member(self, worker: str, fault: str = "none") -> CrewProcess:
        process = CrewProcess(self, worker, fault)
        self.processes.append(process)
        return process

    def wait_until(self, condition: Any, what: str) -> None:
        """Return when a condition holds; looks again whenever something happens in the store."""
        deadline = time.monotonic() + DEADLINE
        position = self.store.last_wakeup()
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain: {what}"
            position = self.store.wait_for_wakeup(position, 0.02)

    def claimed(self, *members: CrewProcess) -> None:
        """Return when all of these have claimed their seats."""
        wanted = {member.incarnation for member in members}
        self.wait_until(
            lambda: wanted <= {task.incarnation for task in self.store.tasks(self.job.id)}, "claims"
        )

    def form(self, *members: CrewProcess) -> float:
        """Write the next generation with these members, and return when it was written."""
        present = self.store.crew(self.job.id)
        shares = assign_lanes(len(members), int(self.job.spec["lanes"]))
        crew = Crew(
            present.generation + 1,
            tuple(
                Member(rank, member.worker, member.incarnation, member.seat, lanes)
                for rank, (member, lanes) in enumerate(zip(members, shares, strict=True))
            ),
        )
        assert self.store.regroup(self.token, self.job.id, present.generation, crew, "test")
        return self.store.crew(self.job.id).formed_at

    def crew(self, *workers: str, **faults: str) -> list[CrewProcess]:
        """Start members and write a generation of them."""
        members = [self.start_member(worker, faults.get(worker, "none")) for worker in workers]
        self.claimed(*members)
        self.form(*members)
        return members

    def broken(self) -> None:
        """Return when a member has reported the present generation as broken."""
        self.wait_until(lambda: bool(self.store.crew(self.job.id).broken), "a report of a break")

    def result(self) -> str:
        """Return the SHA-256 of the finished model's file, when it is there."""
        self.wait_until(lambda: bool(self.store.job(self.job.id).outcome), "the result")
        outcome = self.store.job(self.job.id).outcome
        self.store.end_job(self.token, self.job.id, JobState.SUCCEEDED, "", outcome=outcome)
        return hashlib.sha256(Path(outcome["model"]).read_bytes()).hexdigest()
