"""What callbacks share that watch one metric for getting better."""

from __future__ import annotations

import difflib
import math
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from batchyard.models.callbacks.base import Callback
from batchyard.models.errors import UnknownMetricError

MODES = ("auto", "min", "max")


class MonitorCallback(Callback):
    """A callback that compares one metric, epoch by epoch, with the best value so far.

    Args:
        monitor: name of the metric in the logs.
        mode: `min` where smaller is better, `max` where larger is; `auto` takes `max` for names with `acc`
            in them or beginning with `fmeasure`, and `min` for all others.
        min_delta: a change has to be larger than this to count.

    Attributes:
        best: the best value so far; infinitely bad while there is none.
        best_epoch: the epoch of the best value (counted from 0), or None.
    """

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if mode not in MODES:
            warnings.warn(
                f"{type(self).__name__}: expected mode to be one of {', '.join(MODES)}, received {mode!r}; "
                "going on with 'auto'.",
                RuntimeWarning,
                stacklevel=3,
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.reset_best()

    @property
    def larger_is_better(self) -> bool:
        """Whether the metric is one to be maximized."""
        if self.mode == "auto":
            return "acc" in self.monitor or self.monitor.startswith("fmeasure")
        return self.mode == "max"

    def reset_best(self, baseline: float | None = None) -> None:
        """Forget the best value; with a baseline, only what beats it will count."""
        worst = -math.inf if self.larger_is_better else math.inf
        self.best = worst if baseline is None else float(baseline)
        self.best_epoch: int | None = None

    def is_better(self, current: float) -> bool:
        """Whether a value is better than the best so far, by more than `min_delta`."""
        if self.larger_is_better:
            return current - self.min_delta > self.best
        return current + self.min_delta < self.best

    def get_monitor_value(self, logs: Mapping[str, Any] | None) -> float | None:
        """Return the metric's value, or None with a warning that names the metrics there are."""
        logs = logs or {}
        if self.monitor in logs:
            return float(logs[self.monitor])
        warnings.warn(self._unknown_metric(logs), RuntimeWarning, stacklevel=3)
        return None

    def check_monitor(self, metrics: Iterable[str]) -> None:
        """Say before any work is done that the metric will be missing.

        Raises:
            UnknownMetricError: where the metric isn't among `metrics`.
        """
        names = list(metrics)
        if self.monitor not in names:
            raise UnknownMetricError(self._unknown_metric(names))

    def _unknown_metric(self, metrics: Iterable[str]) -> str:
        names = sorted(metrics)
        if self.monitor.startswith("val_") and not any(name.startswith("val_") for name in names):
            hint = " There are no validation metrics: give validation_split or validation_data."
        else:
            close = difflib.get_close_matches(self.monitor, names, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
        return (
            f"{type(self).__name__} monitors the metric {self.monitor!r}, which is not available. "
            f"Available metrics are: {', '.join(names) or 'none'}.{hint}"
        )
