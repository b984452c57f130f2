"""What a worker measures."""

from __future__ import annotations

import pytest

from batchyard.workers import metrics
from batchyard.workers.metrics import WorkerMetrics

SPEED = "batchyard_worker_samples_per_second"


def test_a_speed_holds_until_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = WorkerMetrics()
    assert measured.registry.get_sample_value(SPEED) == 0.0
    measured.computes(250.0)
    assert measured.registry.get_sample_value(SPEED) == 250.0
    monkeypatch.setattr(metrics, "LATELY", 0.0)
    assert measured.registry.get_sample_value(SPEED) == 0.0
