"""Data that are read batch by batch, in any order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

__all__ = ["Sequence"]


class Sequence(ABC):
    """An indexed source of batches: what `fit_generator` reads safely with several workers.

    Subclasses give batch number `index` by `__getitem__`, and the number of batches by `__len__`.

    Example:
        >>> class Squares(Sequence):
        ...     def __len__(self):
        ...         return 3
        ...
        ...     def __getitem__(self, index):
        ...         return index**2
        >>> list(Squares())
        [0, 1, 4]

    Source: Keras 2.2.4, `utils.Sequence`.
    """

    @abstractmethod
    def __getitem__(self, index: int) -> Any:
        """Returns batch number `index`: (x, y) or (x, y, sample_weight)."""

    @abstractmethod
    def __len__(self) -> int:
        """Returns the number of batches of an epoch."""

    def on_epoch_end(self) -> None:  # noqa: B027 - may be overridden, need not
        """Called after all batches of an epoch were taken."""

    def __iter__(self) -> Iterator[Any]:
        """Gives the batches of one epoch."""
        for index in range(len(self)):
            yield self[index]
