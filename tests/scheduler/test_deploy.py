"""What `deploy/` holds is what the programs take."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from batchyard.scheduler.cli import app
from batchyard.scheduler.store import Store
from tests.conftest import redis_server_binary, spare_port, wait_until_it_answers

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_redis_takes_the_configuration_and_keeps_what_is_written(tmp_path: Path) -> None:
    port = spare_port()
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                redis_server_binary(),
                DEPLOY / "redis.conf",
                *("--port", str(port), "--bind", "127.0.0.1", "--dir", tmp_path, "--requirepass", ""),
            ],
            stdout=log,
            stderr=log,
        )
        try:
            wait_until_it_answers(port, server)
            with Store.connect(f"redis://127.0.0.1:{port}/0") as store:
                info = store.server()
            assert info.aof_enabled
            assert not info.evicts
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.mark.parametrize("unit", ["batchyard-scheduler.service", "batchyard-worker.service"])
def test_a_unit_starts_a_command_with_options_that_it_has(unit: str) -> None:
    start = re.search(r"^ExecStart=\S+/batchyard (\w+) (.*)$", (DEPLOY / unit).read_text(), re.MULTILINE)
    assert start is not None
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, [start[1], "--help"])
    assert shown.exit_code == 0
    for option in re.findall(r"--[\w-]+", start[2]):
        assert option in shown.output


def test_prometheus_scrapes_scheduler_and_workers() -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["batchyard-scheduler", "batchyard-workers"]
