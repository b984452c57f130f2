"""Logs of a batch that are read from the device only when somebody looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from batchyard.models.training.lanes import LOSS_AT, ROWS_AT

__all__ = ["LazyLogs", "means"]


class LazyLogs(Mapping[str, Any]):
    """`batch`, `size`, loss and metrics of one batch.

    Args:
        batch: number of the batch.
        size: its rows.
        names: of loss and metrics.
        sums: the step's total.
        epoch_sums: the total of all steps of the epoch so far; the next step changes it.
    """

    def __init__(
        self,
        batch: int,
        size: int,
        names: Sequence[str],
        sums: Tensor,
        epoch_sums: Tensor | None = None,
    ) -> None:
        self._known: dict[str, Any] = {"batch": batch, "size": size}
        self._names = names
        self._sums: Tensor | None = sums
        self._epoch_sums = sums if epoch_sums is None else epoch_sums

    def so_far(self) -> dict[str, float]:
        """Returns loss and metrics of the epoch so far; to be asked for before the next step."""
        return means(self._names, self._epoch_sums)

    def __getitem__(self, name: str) -> Any:
        if name not in self._known and self._sums is not None and name in self._names:
            self._known.update(means(self._names, self._sums))
            self._sums = None
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        yield from ("batch", "size")
        yield from self._names

    def __len__(self) -> int:
        return 2 + len(self._names)


def means(names: Sequence[str], sums: Tensor) -> dict[str, float]:
    """Returns the means by name: sums divided by rows."""
    values = sums.tolist()
    return {name: value / values[ROWS_AT] for name, value in zip(names, values[LOSS_AT:], strict=True)}
