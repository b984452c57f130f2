"""From rows to what the training loop takes: batches that are cut into lanes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from batchyard.models.training import GlobalBatch, Lane
from batchyard.workers.errors import SourceError
from batchyard.workers.sources.base import Array, Rows

__all__ = ["BatchInMemory", "LaneFormat", "LazyBatch"]


@dataclass(frozen=True)
class LaneFormat:
    """How rows become the tensors of a lane.

    Attributes:
        input_dtypes: what the model takes each input in.
        target_dtypes: what the losses take each target in.
        device: the model's.
        class_weight: weight of each class in the loss; None: 1 each. For models with one output.
    """

    input_dtypes: tuple[torch.dtype, ...]
    target_dtypes: tuple[torch.dtype, ...]
    device: torch.device
    class_weight: Mapping[int, float] | None = None

    @property
    def weighted(self) -> bool:
        """Whether rows without weights of their own get some."""
        return self.class_weight is not None

    def lane(self, rows: Rows) -> Lane:
        """Turn rows into tensors; the arrays must be new ones, since they may be kept."""
        weights = self.weights(rows)
        return Lane(
            [self._tensor(c, t) for c, t in zip(rows.inputs, self.input_dtypes, strict=True)],
            [self._tensor(c, t) for c, t in zip(rows.targets, self.target_dtypes, strict=True)],
            [None if weights is None else self._tensor(weights, t) for t in self.target_dtypes],
        )

    def denominators(self, rows: Rows) -> list[float]:
        """Return what each output's summed losses are divided by; Keras's rule: weights of 0 do not count.

        With weights per row and time step, each step counts on its own.
        """
        weights = self.weights(rows)
        count = float(len(rows) if weights is None else np.count_nonzero(weights))
        return [count] * len(self.target_dtypes)

    def weights(self, rows: Rows) -> Array | None:
        """Return the rows' weights: their own times their class's."""
        if self.class_weight is None:
            return rows.weights
        of_class = self._class_weights(rows)
        return of_class if rows.weights is None else rows.weights * of_class

    def _class_weights(self, rows: Rows) -> Array:
        assert self.class_weight is not None
        if len(rows.targets) != 1:
            raise SourceError("class_weight is for models with one output; give sample weights instead")
        target = rows.targets[0]
        one_hot = target.ndim > 1 and target.shape[-1] > 1
        classes = (target.argmax(axis=-1) if one_hot else target.reshape(len(target))).astype(np.int64)
        present = np.unique(classes)
        if missing := [int(c) for c in present if int(c) not in self.class_weight]:
            raise SourceError(
                f"class_weight must hold a weight for every class; the data has class {missing[0]}, "
                f"class_weight has {sorted(self.class_weight)}"
            )
        table = np.array([self.class_weight[int(c)] for c in present], dtype=np.float64)
        weights: Array = table[np.searchsorted(present, classes)]
        return weights

    def _tensor(self, column: Array, dtype: torch.dtype) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(column))
        return tensor.to(device=self.device, dtype=dtype, memory_format=torch.contiguous_format)


class LazyBatch(GlobalBatch):
    """A batch of which only the lanes that are asked for are read.

    Args:
        rows: number of rows.
        format: how rows become tensors.
    """

    def __init__(self, rows: int, format: LaneFormat):
        self.rows = rows
        self._format = format

    @abstractmethod
    def read(self, start: int, stop: int) -> Rows:
        """Return the batch's rows `start … stop - 1`, as new arrays."""

    @cached_property
    def denominators(self) -> list[float]:  # type: ignore[override]
        """See `GlobalBatch`."""
        if not self._format.weighted and self.read(0, 1).weights is None:
            return [float(self.rows)] * len(self._format.target_dtypes)
        return self._format.denominators(self.read(0, self.rows))

    def lane(self, rows: slice) -> Lane:
        """Read rows of the batch."""
        return self._format.lane(self.read(rows.start, rows.stop))


class BatchInMemory(LazyBatch):
    """A batch that is there whole.

    Args:
        whole: its rows.
        format: how rows become tensors.
    """

    def __init__(self, whole: Rows, format: LaneFormat):
        super().__init__(len(whole), format)
        self._whole = whole

    def read(self, start: int, stop: int) -> Rows:
        """Return a copy of rows of the batch."""
        index: NDArray[np.int64] = np.arange(start, stop, dtype=np.int64)
        return self._whole.take(index)
