"""Metrics with a memory: layers that count over all batches of an epoch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from batchyard.models.errors import InvalidArgumentError

__all__ = ["RunningMetric", "is_stateful", "refuse_with_lanes"]


def is_stateful(metric: Any) -> bool:
    """Whether a metric is an object that counts over batches: a layer with `stateful = True`."""
    return bool(getattr(metric, "stateful", False)) and hasattr(metric, "reset_states")


class RunningMetric:
    """Makes shares of the values of a stateful metric.

    Shares of other metrics add up to a mean over the rows. Those of a stateful one are such that their mean
    is the value after the last batch.

    Args:
        metric: called with (targets, predictions) it returns its value after this batch.

    Source: own; Keras 2.2.4 shows such values as they are.
    """

    def __init__(self, metric: Any) -> None:
        self.metric = metric
        self._rows = 0
        self._before: Tensor | float = 0.0

    def reset(self) -> None:
        """Begins to count anew."""
        self.metric.reset_states()
        self.forget_rows()

    def forget_rows(self) -> None:
        """Goes on counting, but the next share is the value itself."""
        self._rows = 0
        self._before = 0.0

    def share(self, targets: Tensor, predictions: Tensor, rows: int) -> Tensor:
        """Returns what a batch adds to the mean.

        Args:
            targets: of the batch.
            predictions: of the batch.
            rows: of the batch.
        """
        value = torch.as_tensor(self.metric(targets, predictions)).detach().to(torch.float64).mean()
        self._rows += rows
        now = value * self._rows
        share = (now - self._before) / rows
        self._before = now
        return share.to(device=predictions.device, dtype=predictions.dtype)


def refuse_with_lanes(metrics: Iterable[tuple[str, RunningMetric]], lanes: int) -> None:
    """Refuses stateful metrics where a batch is computed in parts.

    Args:
        metrics: their names, and they.
        lanes: how many parts.

    Raises:
        InvalidArgumentError: if there are some, and several parts.
    """
    names = [name for name, _ in metrics]
    if names and lanes > 1:
        raise InvalidArgumentError(
            f"The metrics {names} count over all rows in one place, but lanes={lanes} would count in "
            "several. Use lanes=1, or a metric that is a mean over the rows."
        )
