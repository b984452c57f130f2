"""Metrics with a memory: layers that count over all batches of an epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from batchyard.models.errors import InvalidArgumentError, StateError

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
        self._place: tuple[int, ...] | None = None
        self._at_place: dict[str, NDArray[Any]] = {}

    def reset(self) -> None:
        """Begins to count anew."""
        self.metric.reset_states()
        self.forget_rows()

    def begin(self, place: tuple[int, ...]) -> None:
        """Says which batch comes next; one that is computed again counts once.

        Args:
            place: of the batch: seed, epoch and step.
        """
        if place == self._place:
            self.set_state(self._at_place)
        self._place, self._at_place = place, self.get_state()

    def get_state(self) -> dict[str, NDArray[Any]]:
        """Returns what the metric has counted: its variables and numbers, by name."""
        counted = {name: _as_array(value).copy() for name, value in _counters(self.metric).items()}
        return {"shown": np.array([self._rows, float(self._before)]), **counted}

    def check_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Refuses what `get_state` of another metric returned.

        Raises:
            StateError: if names or shapes differ.
        """
        counters = _counters(self.metric)
        expected = {"shown": (2,), **{name: _as_array(value).shape for name, value in counters.items()}}
        found = {name: array.shape for name, array in state.items()}
        if found != expected:
            raise StateError(
                f"The counts of the metric {getattr(self.metric, 'name', self.metric)!r} are of another one: "
                f"expected the shapes {expected}, received {found}."
            )

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on counting from what `get_state` returned."""
        for name, value in _counters(self.metric).items():
            if isinstance(value, Tensor):
                with torch.no_grad():
                    value.copy_(torch.from_numpy(state[name].copy()))
            else:
                setattr(self.metric, name, type(value)(state[name].item()))
        self._rows, self._before = int(state["shown"][0]), float(state["shown"][1])

    def forget_rows(self) -> None:
        """Goes on counting, but the next share is the value itself."""
        self._rows = 0
        self._before = 0.0
        self._place = None

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


def _counters(metric: Any) -> dict[str, Any]:
    """Returns the variables and numbers in which a metric counts, by name."""
    found: dict[str, Any] = {}
    if isinstance(metric, nn.Module):
        found.update({**dict(metric.named_parameters()), **dict(metric.named_buffers())})
    for name, value in vars(metric).items():
        if isinstance(value, list | tuple):
            found.update({f"{name}/{n}": one for n, one in enumerate(value) if isinstance(one, Tensor)})
        elif isinstance(value, Tensor | float) or (isinstance(value, int) and not isinstance(value, bool)):
            found[name] = value
    return found


def _as_array(value: Any) -> NDArray[Any]:
    array: NDArray[Any] = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
    return array


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
