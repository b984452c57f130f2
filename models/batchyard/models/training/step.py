"""One training step: lanes are computed by pure functions, then everything is applied at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from batchyard.models.engine.layer import apply_moving_average
from batchyard.models.engine.step_context import MovingAverageUpdate, collecting
from batchyard.models.training.data import GlobalBatch, Lane
from batchyard.models.training.lanes import FLAG_STOP, LaneResult, LaneSpec, lane_rows
from batchyard.models.training.objectives import refuse_masks_with_lanes, shares_of
from batchyard.models.training.phase import phase_scope
from batchyard.models.training.randomness import lane_scope
from batchyard.models.training.states import refuse_states_with_lanes

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["TrainStep"]


class TrainStep:
    """Computes lanes of a compiled model, and applies their sum.

    Args:
        model: compiled.
        lanes: logical shards of each batch.
    """

    def __init__(self, model: Model, lanes: int) -> None:
        self.model = model
        self.lanes = lanes
        self._compiled = model.compiled
        self._trainable = list(self._compiled.trainable_weights)
        self._has_penalties = bool(model.losses)
        refuse_masks_with_lanes(self._compiled, lanes)
        refuse_states_with_lanes(model, lanes)
        self._spec: LaneSpec | None = None
        #: Which moving averages a forward pass folds into, in the order of the calls.
        self._updates: list[MovingAverageUpdate] = []
        #: What makes stateful layers keep the states at which the last lane ended.
        self._state_updates: list[Callable[[], None]] = []

    def spec(self, batch: GlobalBatch, seed: int) -> LaneSpec:
        """Finds the shapes of lane results, by computing a single row, once.

        It also learns which moving averages there are, which a process needs that owns empty lanes only.
        """
        if self._spec is None:
            only = self._compute(_FirstRow(batch), slice(0, 1), 0, (seed, 0, 0), False)
            self._spec = LaneSpec.of(only)
        return self._spec

    def results(
        self, batch: GlobalBatch, seed: int, epoch: int, step: int, owned: range, wishes_stop: bool = False
    ) -> Iterator[LaneResult | None]:
        """Computes the owned lanes one by one, when asked for the next; None for a lane without rows.

        Args:
            batch: the global batch.
            seed: the job's.
            epoch: the cursor's.
            step: the cursor's.
            owned: the lanes to compute.
            wishes_stop: whether this process wishes to stop gracefully.
        """
        for lane in owned:
            rows = lane_rows(batch.rows, self.lanes, lane)
            if rows.stop > rows.start:
                yield self._compute(batch, rows, lane, (seed, epoch, step), wishes_stop)
            else:
                yield None

    def _compute(
        self, batch: GlobalBatch, rows: slice, lane: int, place: tuple[int, int, int], wishes_stop: bool
    ) -> LaneResult:
        model, count = self.model, rows.stop - rows.start
        data = batch.lane(rows)
        with phase_scope(model, True), lane_scope(*place, lane), collecting() as context:
            context.defers_states = True
            masks: list[Tensor | None] = []
            outputs = model.compute_outputs(data.inputs, masks if self._compiled.masked else None)
            penalties = model.losses if lane == 0 and self._has_penalties else []
            shares = shares_of(self._compiled, outputs, data, count, batch, context, penalties, masks)
        grads = self._gradients(shares.loss)
        self._updates = context.updates
        self._state_updates = context.state_updates
        factor = count / batch.rows
        updates = [u.value if factor == 1.0 else u.value * factor for u in context.updates]
        values = torch.stack(shares.values)
        if values.dtype in (torch.float16, torch.bfloat16):
            values = values.float()
        head = values.new_tensor([count, FLAG_STOP if wishes_stop else 0.0])
        return LaneResult(grads, updates, torch.cat([head, values * batch.rows]))

    def _gradients(self, loss: Tensor) -> list[Tensor]:
        if not self._trainable:
            return []
        if not loss.requires_grad:
            return [torch.zeros_like(w) for w in self._trainable]
        grads = torch.autograd.grad(loss, self._trainable, allow_unused=True, materialize_grads=True)
        return list(grads)

    def apply(self, total: LaneResult) -> None:
        """Applies the sum over all lanes: moving averages, then the weight update. It does not fail."""
        for update, value in zip(self._updates, total.updates, strict=True):
            apply_moving_average(update, value)
        for keep in self._state_updates:
            keep()
        self.model.optimizer.apply(self._trainable, total.grads)


class _FirstRow(GlobalBatch):
    """A batch cut to its first row."""

    def __init__(self, batch: GlobalBatch) -> None:
        self.rows = 1
        self.denominators = [1.0] * len(batch.denominators)
        self._batch = batch

    def lane(self, rows: slice) -> Lane:
        return self._batch.lane(rows)
