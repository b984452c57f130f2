"""The --devices argument."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from batchyard.workers.devices import parse_devices
from batchyard.workers.errors import DeviceError


def test_each_form_gives_one_device_per_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,3")
    assert parse_devices("cpu", 1) == ["cpu:0"]
    assert parse_devices("cpu:2", 1) == ["cpu:0", "cpu:1"]
    assert parse_devices("cuda", 1) == ["cuda:0", "cuda:1", "cuda:3"]
    assert parse_devices("cuda:3,0", 1) == ["cuda:3", "cuda:0"]
    assert parse_devices("auto", 1) == ["cuda:0", "cuda:1", "cuda:3"]


def test_auto_without_gpus_takes_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    cores = len(os.sched_getaffinity(0))
    assert len(parse_devices("auto", 1)) == cores
    assert len(parse_devices("auto", 2 * cores)) == 1


@pytest.mark.parametrize("text", ["", "cpu:0", "cpu:x", "gpu", "cuda:7", "cuda:0,0", "auto:2"])
def test_what_cannot_be_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(DeviceError, match="--devices"):
        parse_devices(text, 1)


def test_the_supervisor_imports_no_torch() -> None:
    code = "import sys, batchyard.workers.supervisor; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
