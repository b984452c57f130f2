"""The mean of each metric over an epoch's batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from batchyard.models.callbacks.base import Callback, Logs


class BaseLogger(Callback):
    """Adds up the metrics of the batches, and puts their means into the logs of an epoch that lack them.

    Here the training loop itself gives the epoch's means, without waiting for the device after each batch;
    `fit` does not use this callback. It is for code that calls callbacks by hand.

    Args:
        stateful_metrics: names of metrics of which the last value counts, and not the mean.

    Source: Keras 2.2.4, `callbacks.BaseLogger`.
    """

    observes_only: ClassVar[bool] = True

    def __init__(self, stateful_metrics: Iterable[str] | None = None) -> None:
        self.stateful_metrics = set(stateful_metrics or ())
        self.seen = 0
        self.totals: dict[str, float] = {}

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Begin new sums."""
        self.seen = 0
        self.totals = {}

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Add a batch, by its size."""
        logs = logs or {}
        size = int(logs.get("size", 0))
        self.seen += size
        for name in logs:
            if name in self.stateful_metrics:
                self.totals[name] = float(logs[name])
            elif name not in ("batch", "size"):
                self.totals[name] = self.totals.get(name, 0.0) + float(logs[name]) * size

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Give the means."""
        if logs is None or not self.seen:
            return
        for name, total in self.totals.items():
            logs.setdefault(name, total if name in self.stateful_metrics else total / self.seen)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"stateful_metrics": sorted(self.stateful_metrics)}
