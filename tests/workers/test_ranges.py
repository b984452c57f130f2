"""Range tasks: one part file per attempt, and only the one in the ledger stays."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from batchyard.scheduler.jobs import JobSpec
from batchyard.scheduler.protocol import JobRecord, TaskKind, TaskMessage, TaskRecord, TaskState, Want
from batchyard.scheduler.store import Claim, Store
from batchyard.workers.context import WorkerContext
from batchyard.workers.errors import ModelSpecError
from batchyard.workers.join import JoinHandler
from batchyard.workers.model_loading import model_from_spec
from batchyard.workers.parts import parts_folder
from batchyard.workers.ranges import RangeHandler
from tests.workers.crew_yard import MODEL

ROWS, SIZE = 30, 8


class Bench:
    """A running job, whose ranges the test hands to a handler directly."""

    def __init__(self, redis_url: str, folder: Path, kind: str = "predict", job_id: str = "j"):
        rng = np.random.default_rng(5)
        (folder / "model.json").write_text(json.dumps(MODEL))
        np.save(folder / "x.npy", rng.normal(size=(ROWS, 8)).astype("float32"))
        np.save(folder / "y.npy", np.eye(3, dtype="float32")[rng.integers(0, 3, ROWS)])
        spec = JobSpec.model_validate(
            {
                "kind": kind,
                "model": str(folder / "model.json"),
                "compile": {"optimizer": "sgd", "loss": "categorical_crossentropy", "metrics": ["accuracy"]},
                "data": {"x": str(folder / "x.npy"), "y": str(folder / "y.npy")},
                "samples": ROWS,
                "batch_size": SIZE,
            }
        )
        stored = json.loads(spec.model_dump_json())
        self.job = JobRecord(job_id, kind, stored, "t", 0, str(folder / job_id), batches=spec.batches)
        self.store = Store.connect(redis_url)
        self.store.submit(self.job)
        self.token = self.store.lead("test", 1000.0) or ""
        assert self.store.start_job(self.token, job_id, fields={})
        self.context = WorkerContext(self.store, "w", "w#1", torch.device("cpu"), "127.0.0.1")
        self.handler = RangeHandler(self.context)

    def close(self) -> None:
        self.handler.close()
        self.store.close()

    def claim(self, task_id: str, start: int = 0, stop: int = 0, kind: str = TaskKind.RANGE) -> Claim:
        task = TaskRecord(
            id=task_id, kind=kind, state=TaskState.DISPATCHED, worker="w", start=start, stop=stop, attempt=1
        )
        assert self.store.create_task(self.token, self.job.id, task)
        claim = self.store.claim(TaskMessage(self.job.id, task_id, 1), "w", "w#1")
        assert isinstance(claim, Claim)
        return claim

    def files(self) -> list[str]:
        return sorted(path.name for path in parts_folder(self.job).iterdir())


@pytest.fixture
def bench(redis_url: str, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(redis_url, tmp_path)
    yield bench
    bench.close()


def test_a_range_is_committed_with_its_part(bench: Bench) -> None:
    assert bench.handler(bench.claim("a", 0, 4)) == "done"
    (entry,) = bench.store.ledger("j")
    assert (entry.start, entry.stop, entry.rows) == (0, 4, ROWS)
    assert bench.files() == [entry.part]


def test_a_model_whose_batches_depend_on_the_one_before_is_refused(bench: Bench, tmp_path: Path) -> None:
    layer = {
        "class_name": "LSTM",
        "config": {"name": "memory", "units": 2, "stateful": True, "batch_input_shape": [SIZE, 3, 2]},
    }
    config = {"name": "net", "layers": [layer]}
    (tmp_path / "model.json").write_text(json.dumps({"class_name": "Sequential", "config": config}))
    with pytest.raises(ModelSpecError, match=r"memory keep states from batch to batch.*stateful=False"):
        bench.handler(bench.claim("a", 0, 4))


class Tally:
    """Counts rows over all batches."""

    stateful = True
    name = "tally"
    rows = 0.0

    def reset_states(self) -> None:
        self.rows = 0.0

    def __call__(self, true: torch.Tensor, predicted: torch.Tensor) -> float:
        self.rows += len(true)
        return self.rows


def test_metrics_that_count_over_all_batches_are_refused(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counting(*args: Any) -> Any:
        model = model_from_spec(*args)
        model.compile("sgd", "categorical_crossentropy", metrics=[Tally()])
        return model

    monkeypatch.setattr("batchyard.workers.ranges.model_from_spec", counting)
    told = pytest.raises(ModelSpecError, match=r"tally count over all batches.*model.evaluate")
    with contextlib.closing(Bench(redis_url, tmp_path, "evaluate")) as bench, told:
        bench.handler(bench.claim("a", 0, 4))


def test_of_two_attempts_one_counts_and_the_other_leaves_no_file(bench: Bench) -> None:
    claims = [bench.claim("a", 0, 4), bench.claim("a-again", 0, 4)]
    assert [bench.handler(claim) for claim in claims] == ["done", "refused"]
    (entry,) = bench.store.ledger("j")
    assert bench.files() == [entry.part]


def test_a_zombie_s_result_is_refused(bench: Bench) -> None:
    claim = bench.claim("a", 0, 4)
    taken = dataclasses.replace(claim.task, attempt=2, state=TaskState.WAITING, incarnation="")
    assert bench.store.change_task(bench.token, "j", claim.task, taken)
    assert bench.handler(claim) == "refused"
    assert (bench.files(), bench.store.ledger("j")) == ([], [])


def test_a_draining_worker_hands_its_range_back_and_leaves_no_file(bench: Bench) -> None:
    claim = bench.claim("a", 0, 4)
    bench.context.draining.set()
    assert bench.handler(claim) == "released"
    assert bench.files() == []


def test_a_cancelled_job_is_left_between_two_batches(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchyard.workers.ranges.ASK_EVERY", -1.0)
    claim = bench.claim("a", 0, 4)
    bench.store.request("j", Want.CANCEL)
    assert bench.handler(claim) == "refused"
    assert bench.files() == []


@pytest.mark.parametrize("kind", ["predict", "evaluate"])
def test_results_do_not_depend_on_the_cuts(redis_url: str, tmp_path: Path, kind: str) -> None:
    results = []
    for number, cuts in enumerate(([(0, 4)], [(0, 1), (1, 2), (2, 3), (3, 4)], [(0, 3), (3, 4)])):
        folder = tmp_path / str(number)
        folder.mkdir()
        bench = Bench(redis_url, folder, kind, f"j{number}")
        for start, stop in cuts:
            assert bench.handler(bench.claim(f"range-{start}", start, stop)) == "done"
        assert JoinHandler(bench.context)(bench.claim("join", kind=TaskKind.JOIN)) == "done"
        outcome = bench.store.job(bench.job.id).outcome
        results.append(Path(outcome["predictions" if kind == "predict" else "metrics"]).read_bytes())
        assert outcome["rows"] == ROWS
        assert not parts_folder(bench.job).exists()
        bench.store.resign(bench.token)
        bench.close()
    assert results[0] == results[1] == results[2]
