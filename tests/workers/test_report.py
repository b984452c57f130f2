"""The report of a fit job."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from batchyard.workers.report import write_report

HISTORY = {"loss": [1.5, 0.1 + 0.2], "acc": [0.5, 0.75], "val_loss": [2.0, 1.0]}


def test_the_history_keeps_every_digit(tmp_path: Path) -> None:
    files = write_report(tmp_path, [0, 1], HISTORY)
    with Path(files["history"]).open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert [float(row["loss"]) for row in rows] == HISTORY["loss"]
    assert json.loads(Path(files["metrics"]).read_text()) == {"acc": 0.75, "loss": 0.1 + 0.2, "val_loss": 1.0}


def test_the_curve_is_a_picture_and_equal_histories_give_equal_ones(tmp_path: Path) -> None:
    pictures = [Path(write_report(tmp_path / name, [0, 1], HISTORY)["learning_curve"]) for name in "ab"]
    assert pictures[0].read_bytes()[:4] == b"\x89PNG"
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_a_job_without_epochs_has_a_report_too(tmp_path: Path) -> None:
    files = write_report(tmp_path, [], {})
    assert all(Path(path).stat().st_size for path in files.values())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["history.csv", "learning_curve.png", "metrics.json"]
