"""The command line: what it prints, and with which exit code it leaves."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from rich.console import Console

from batchyard.scheduler import Client
from batchyard.scheduler.cli import main
from batchyard.scheduler.cli.live import LiveView
from batchyard.scheduler.client import JobStatus
from batchyard.scheduler.protocol import EventKind, JobKind, JobRecord, JobState, Progress, WorkerRecord
from batchyard.scheduler.store import Store

JOB = """\
kind: predict
model: model.h5
data: {file: data.h5, x: x}
batch_size: 8
"""
MODEL = {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"units": 1}}]}

VERBS = [
    *("run", "up", "submit", "list", "status", "logs", "cancel", "stop", "scheduler", "worker", "doctor"),
    *("inspect", "convert"),
]

Eventually = Callable[..., None]


@dataclass
class Answer:
    code: int
    out: str
    err: str


Batchyard = Callable[..., Answer]


@pytest.fixture
def batchyard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Batchyard:
    """Run the command line in this process, in a folder with a job file."""
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"] = np.zeros((20, 3), "float32")
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(MODEL)
    (tmp_path / "job.yaml").write_text(JOB)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    monkeypatch.delenv("BATCHYARD_REDIS_URL", raising=False)

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["batchyard", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        output = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return Answer(caught.value.code, output.out, output.err)

    return run


@pytest.fixture
def redis(redis_url: str, monkeypatch: pytest.MonkeyPatch, batchyard: Batchyard) -> Iterator[Store]:
    """A Redis that the environment names."""
    monkeypatch.setenv("BATCHYARD_REDIS_URL", redis_url)
    with Store.connect(redis_url) as store:
        yield store


def submitted(batchyard: Batchyard) -> str:
    answer = batchyard("submit", "job.yaml")
    assert answer.code == 0, answer.err
    return answer.out.strip()


def end(store: Store, job_id: str, state: JobState, reason: str = "", detail: str = "") -> None:
    token = store.lead("test", 60)
    assert token is not None
    store.start_job(token, job_id, fields={"started_at": 1.0})
    assert store.end_job(token, job_id, state, reason, detail=detail)


def test_help_lists_all_verbs_examples_and_exit_codes(batchyard: Batchyard) -> None:
    answer = batchyard("--help")
    assert answer.code == 0
    for verb in VERBS:
        assert re.search(rf"\b{verb}\b", answer.out), verb
    assert "batchyard run job.yaml" in answer.out
    assert "130: interrupted" in answer.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_an_example_and_its_environment_variables(batchyard: Batchyard, verb: str) -> None:
    answer = batchyard(verb, "--help")
    assert answer.code == 0
    assert f"batchyard {verb}" in answer.out.split("Usage:")[1].split("\n", 1)[1]
    options = set(re.findall(r"--([a-z-]+)", answer.out)) - {"help"}
    assert options
    variables = set(re.findall(r"BATCHYARD_[A-Z_]+", answer.out))
    for option in options & {"devices", "threads", "allow-code", "directory", "metrics-port"}:
        assert f"BATCHYARD_{verb.upper()}_{option.upper().replace('-', '_')}" in variables


def test_a_wrong_verb_gets_the_one_that_was_meant(batchyard: Batchyard) -> None:
    answer = batchyard("statsu")
    assert answer.code == 2
    assert "Did you mean 'status'?" in answer.err


def test_a_wrong_option_gets_the_one_that_was_meant(batchyard: Batchyard) -> None:
    answer = batchyard("status", "--jsn")
    assert answer.code == 2
    assert "--json" in answer.err


def test_without_an_address_the_way_to_give_one_is_told(batchyard: Batchyard) -> None:
    answer = batchyard("status")
    assert answer.code == 2
    assert answer.err.startswith("error: no Redis was named")
    assert "batchyard up" in answer.err


@pytest.mark.parametrize("verb", [("status",), ("submit", "job.yaml"), ("run", "job.yaml"), ("scheduler",)])
def test_an_unreachable_redis_is_one_message_without_the_password(
    batchyard: Batchyard, verb: tuple[str, ...]
) -> None:
    answer = batchyard(*verb, "--redis", "redis://:secret@127.0.0.1:1/0")
    assert answer.code == 3
    assert "redis://:***@127.0.0.1:1/0 cannot be reached" in answer.err
    assert "Traceback" not in answer.err
    assert "secret" not in answer.err


@pytest.mark.parametrize("verb", ["run", "submit"])
def test_problems_of_a_job_file_are_listed_before_anything_starts(
    batchyard: Batchyard, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "job.yaml").write_text(JOB.replace("x: x", "x: xx") + "epoch: 3\n")
    answer = batchyard(verb, "job.yaml", "--redis", "redis://127.0.0.1:1/0")  # never asked
    assert answer.code == 2
    assert "there are 2 problems" in answer.err
    assert "job.yaml:3: data.x: " in answer.err
    assert "job.yaml:5: epoch: unknown key" in answer.err


def test_submit_prints_the_ids(batchyard: Batchyard, redis: Store) -> None:
    answer = batchyard("submit", "job.yaml")
    assert [job.id for job in redis.jobs()] == answer.out.split()
    assert "batchyard logs -f" in answer.err
    assert json.loads(batchyard("submit", "job.yaml", "--json").out) == [redis.jobs()[-1].id]


def test_list_and_status_tell_why_a_job_failed_in_one_line(batchyard: Batchyard, redis: Store) -> None:
    job = submitted(batchyard)
    end(redis, job, JobState.FAILED, "batch 3 (rows 24 to 31): bad value", "Traceback …\nValueError")
    for verb in ("list", "status"):
        lines = [line for line in batchyard(verb).out.splitlines() if job in line]
        assert len(lines) == 1
        assert "failed" in lines[0]
        assert "batch 3 (rows 24 to 31): bad value" in lines[0]
    assert "ValueError" in batchyard("logs", job).out


def test_status_shows_workers_and_their_heartbeats(batchyard: Batchyard, redis: Store) -> None:
    assert "none leads" in batchyard("status").out
    worker = WorkerRecord(
        name="w1",
        incarnation="w1-a",
        host="h",
        pid=1,
        device="cpu:0",
        fingerprint="f",
        allow_code=False,
        address="",
    )
    redis.register(worker, 60)
    redis.lead("s1", 60)
    out = batchyard("status").out
    assert "leading" in out
    assert re.search(r"w1 +cpu:0 +h +beating", out)
    redis.report_death("w1", "w1-a")
    assert re.search(r"w1 +cpu:0 +h +dead", batchyard("status").out)


def test_status_and_list_speak_json(batchyard: Batchyard, redis: Store) -> None:
    job = submitted(batchyard)
    assert json.loads(batchyard("status", job, "--json").out)["state"] == "queued"
    assert [entry["id"] for entry in json.loads(batchyard("list", "--json").out)] == [job]
    assert set(json.loads(batchyard("status", "--json").out)) == {"leader", "workers", "jobs"}


def test_status_of_one_job_shows_where_its_results_lie(batchyard: Batchyard, redis: Store) -> None:
    job = submitted(batchyard)
    assert re.search(r"state +queued", batchyard("status", job).out)
    Path("runs", job, "predictions.h5").touch()
    end(redis, job, JobState.SUCCEEDED)
    assert re.search(rf"predictions +runs/{job}/predictions.h5", batchyard("status", "job").out)


def test_an_unknown_job_gets_the_one_that_was_meant(batchyard: Batchyard, redis: Store) -> None:
    submitted(batchyard)
    answer = batchyard("cancel", "jbo")
    assert answer.code == 2
    assert re.search(r"there is no job 'jbo'. Did you mean '?.*job", answer.err)


def test_cancel_ends_a_queued_job_and_says_when_it_was_too_late(batchyard: Batchyard, redis: Store) -> None:
    job = submitted(batchyard)
    assert batchyard("cancel", "job").out == f"{job} is being cancelled\n"
    assert redis.job(job).state == JobState.CANCELLED
    assert batchyard("stop", "job").out == f"{job} has ended already: cancelled\n"


def test_following_logs_leaves_with_the_fate_of_the_job(batchyard: Batchyard, redis: Store) -> None:
    job = submitted(batchyard)
    redis.emit(job, EventKind.WARNING, {"message": "careful"})
    end(redis, job, JobState.FAILED, "no luck")
    answer = batchyard("logs", "-f", job)
    assert answer.code == 1
    assert "warning: careful" in answer.out
    assert "failed: no luck" in answer.out
    assert batchyard("logs", job).code == 0


def test_run_on_a_cluster_follows_until_the_end(
    redis: Store, batchyard: Batchyard, redis_url: str, tmp_path: Path, eventually: Eventually
) -> None:
    with _started(tmp_path, "run", "job.yaml", url=redis_url) as process:
        eventually(redis.jobs, "the job is submitted")
        (job,) = redis.jobs()
        end(redis, job.id, JobState.SUCCEEDED)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert f"{job.id} succeeded" in out


def test_a_failed_job_makes_run_leave_with_1(
    redis: Store, batchyard: Batchyard, redis_url: str, tmp_path: Path, eventually: Eventually
) -> None:
    with _started(tmp_path, "run", "job.yaml", url=redis_url) as process:
        eventually(redis.jobs, "the job is submitted")
        (job,) = redis.jobs()
        end(redis, job.id, JobState.FAILED, "no luck")
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "failed" in out
    assert "no luck" in out


def test_ctrl_c_cancels_what_has_not_begun(
    redis: Store, batchyard: Batchyard, redis_url: str, tmp_path: Path, eventually: Eventually
) -> None:
    with _started(tmp_path, "run", "job.yaml", url=redis_url) as process:
        eventually(redis.jobs, "the job is submitted")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert redis.jobs()[0].state == JobState.CANCELLED
    assert "Traceback" not in out


def test_ctrl_c_asks_a_running_fit_to_stop_and_a_second_one_cancels_it(
    redis: Store, batchyard: Batchyard, redis_url: str, tmp_path: Path, eventually: Eventually
) -> None:
    np.save(tmp_path / "y.npy", np.zeros(20))
    np.save(tmp_path / "x.npy", np.zeros((20, 3)))
    (tmp_path / "job.yaml").write_text(
        "{kind: fit, model: model.h5, compile: {optimizer: sgd, loss: mse}, data: {x: x.npy, y: y.npy}}"
    )
    with _started(tmp_path, "run", "job.yaml", url=redis_url) as process:
        eventually(redis.jobs, "the job is submitted")
        (job,) = redis.jobs()
        token = redis.lead("test", 60)
        assert token is not None
        redis.start_job(token, job.id, fields={})
        process.send_signal(signal.SIGINT)
        eventually(lambda: redis.job(job.id).want == "stop", "the job is asked to stop")
        process.send_signal(signal.SIGINT)
        eventually(lambda: redis.job(job.id).want == "cancel", "the job is asked to be cancelled")
        redis.end_job(token, job.id, JobState.CANCELLED, "cancelled")
        process.communicate(timeout=30)
    assert process.returncode == 130


def test_run_wants_to_be_asked_before_it_runs_users_code(batchyard: Batchyard, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(JOB.replace("model.h5", "mine:make"))
    answer = batchyard("run", "job.yaml")
    assert answer.code == 2
    assert "Add --allow-code if you trust it" in answer.err


def test_a_scheduler_leads_until_sigterm(
    redis: Store, batchyard: Batchyard, redis_url: str, tmp_path: Path, eventually: Eventually
) -> None:
    with _started(tmp_path, "scheduler", url=redis_url) as process:
        eventually(lambda: redis.leader() is not None, "it leads")
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert redis.leader() is None


@pytest.mark.parametrize("command", ["worker", "up"])
def test_without_the_extra_of_workers_it_is_said_how_to_install_it(
    redis: Store, batchyard: Batchyard, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(
        "batchyard.scheduler.embedded.worker_extra._WORKER_PARTS", ("batchyard", "no_such_package")
    )
    answer = batchyard(command)
    assert answer.code == 2
    assert "pip install 'batchyard[worker]'" in answer.err


def test_a_worker_refuses_devices_that_make_no_sense(redis: Store, batchyard: Batchyard) -> None:
    answer = batchyard("worker", "--devices", "tpu:4")
    assert answer.code == 2
    assert "tpu:4" in answer.err


def test_the_version_is_told_and_no_variable_of_the_environment_asks_for_it(
    redis: Store, batchyard: Batchyard, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert batchyard("--version").out.startswith("batchyard ")
    monkeypatch.setenv("BATCHYARD_VERSION", "1")
    assert json.loads(batchyard("list", "--json").out) == []


@pytest.mark.parametrize("columns", [80, 120])
def test_the_bar_of_a_fit_job_stays_on_one_line(columns: int) -> None:
    console = Console(width=columns, height=20, force_terminal=True, file=io.StringIO())
    with LiveView(console) as view:
        for step in (1, 20):
            view.progress(_training(step))
        with console.capture() as capture:
            console.print(view._render())
    shown = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in capture.get().splitlines()]
    assert shown[0].startswith("digits-train  epoch 3/40  step 20/41")
    assert shown[0].endswith("left")
    assert "2,000 samples/s  2 workers" in shown[1]
    assert " ".join(" ".join(shown).split()).endswith("val_acc 0.9722")
    assert len(shown) == (4 if columns == 80 else 2)


def _training(step: int) -> JobStatus:
    logs = {"loss": 0.4487, "acc": 0.8563, "lr": 0.002, "val_loss": 0.08425, "val_acc": 0.9722}
    record = JobRecord(
        id="digits-train-1",
        kind=JobKind.FIT,
        spec={"name": "digits-train"},
        owner="ada",
        priority=0,
        directory="/runs",
    )
    progress = Progress(
        epoch=2, epochs=40, step=step, steps=41, samples_per_second=2000.0, workers=2, logs=logs
    )
    return JobStatus(JobState.RUNNING, "", progress, record)


def test_doctor_says_what_to_mend(redis: Store, batchyard: Batchyard) -> None:
    answer = batchyard("doctor", "--json")
    findings = {entry["subject"]: entry for entry in json.loads(answer.out)}
    assert answer.code == 1
    assert findings["redis"]["level"] == "ok"
    assert findings["durability"]["level"] == "warn"
    assert "appendonly yes" in findings["durability"]["remedy"]
    assert findings["scheduler"]["level"] == "fail"
    assert findings["scheduler"]["remedy"] == "Start one: batchyard scheduler"
    assert {"versions", "devices", "disk", "clock", "memory", "workers", "embedded"} <= set(findings)


def test_doctor_leaves_with_3_when_redis_cannot_be_reached(batchyard: Batchyard) -> None:
    answer = batchyard("doctor", "--redis", "redis://127.0.0.1:1/0")
    assert answer.code == 3
    assert re.search(r"fail +redis +Redis at redis://127.0.0.1:1/0 cannot be reached", answer.out)


def test_a_fault_of_ours_is_told_as_such(batchyard: Batchyard, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("batchyard.scheduler.cli.jobs.load_job_file", broken)
    answer = batchyard("submit", "job.yaml")
    assert answer.code == 70
    assert "fault of Batchyard itself" in answer.err


def test_output_into_a_closed_pipe_is_no_error(redis: Store, batchyard: Batchyard, redis_url: str) -> None:
    job = submitted(batchyard)
    for number in range(5000):
        redis.emit(job, EventKind.WARNING, {"message": f"{number} " + "x" * 100})
    shell = subprocess.run(
        f"{sys.executable} -m batchyard.scheduler.cli logs {job} | head -1",
        shell=True,
        capture_output=True,
        text=True,
        env={**os.environ, "BATCHYARD_REDIS_URL": redis_url},
        check=True,
    )
    assert shell.stdout.endswith("submitted\n")
    assert shell.stderr == ""


def test_up_is_found_by_other_commands_in_its_folder(
    batchyard: Batchyard, tmp_path: Path, eventually: Eventually
) -> None:
    with _started(tmp_path, "up", "--devices", "cpu:1") as process:
        url_file = tmp_path / ".batchyard" / "url"
        eventually(url_file.is_file, "its address is written")
        eventually(lambda: url_file.read_text().endswith("\n"), "its address is complete")
        job = submitted(batchyard)
        with Client(url_file.read_text().strip()) as client:
            assert client.job(job).id == job
        second = batchyard("up")
        assert second.code == 2
        assert "is up in" in second.err
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert not url_file.exists()
    assert "Batchyard is up" in out


def _started(folder: Path, *arguments: str, url: str = "") -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BATCHYARD_")}
    if url:
        environment["BATCHYARD_REDIS_URL"] = url
    return subprocess.Popen(
        [sys.executable, "-m", "batchyard.scheduler.cli", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
