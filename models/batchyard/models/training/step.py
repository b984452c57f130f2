"""One training step: lanes are computed by pure functions, then everything is applied at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from batchyard.models.engine.step_context import (
    MovingAverageUpdate,
    StateUpdate,
    apply_moving_averages,
    collecting,
)
from batchyard.models.metrics.stateful import refuse_with_lanes
from batchyard.models.training.computation import computation_of
from batchyard.models.training.data import GlobalBatch, Lane
from batchyard.models.training.lanes import FLAG_STOP, LaneResult, LaneSpec, lane_rows
from batchyard.models.training.objectives import ForwardPass, counts_length, mask_counts, shares_of
from batchyard.models.training.phase import phase_scope
from batchyard.models.training.randomness import lane_scope
from batchyard.models.training.states import keep_states, refuse_states_with_lanes, state_values

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["TrainStep"]

#: The seed, the epoch and the step: with the lane, what randomness derives from.
Place = tuple[int, int, int]

#: `Strategy.reduce_sums`.
AddUp = Callable[[Mapping[int, Tensor], int], Tensor]


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
        self._computation = computation_of(model)
        self._shares_of = self._computation.compiled(shares_of)
        self._trainable = list(self._compiled.trainable_weights)
        self._has_penalties = bool(model.penalties)
        refuse_states_with_lanes(model, lanes)
        self._running = self._compiled.running_metrics
        refuse_with_lanes(self._running, lanes)
        self._spec: LaneSpec | None = None
        self._constants: dict[tuple[object, ...], tuple[list[Tensor], Tensor]] = {}
        #: The gradient of the loss by itself.
        self._one: Tensor | None = None
        #: Which moving averages a forward pass folds into, in the order of the calls.
        self._updates: list[MovingAverageUpdate] = []
        #: The layers that keep states, in the order of the calls.
        self._state_updates: list[StateUpdate] = []

    def spec(self, batch: GlobalBatch, seed: int) -> LaneSpec:
        """Finds the shapes of lane results, by computing the first rows, once.

        It also learns which moving averages there are, which a process needs that owns empty lanes only.
        """
        if self._spec is None:
            first = _FirstRows(batch)
            done = self._forward(first, slice(0, first.rows), 0, (seed, 0, 0), batch.rows)
            self._spec = LaneSpec.of(self._finish(first, slice(0, first.rows), 0, done, None, False))
        return self._spec

    def results(
        self,
        batch: GlobalBatch,
        seed: int,
        epoch: int,
        step: int,
        owned: range,
        wishes_stop: bool = False,
        add_up: AddUp | None = None,
    ) -> Iterator[LaneResult | None]:
        """Computes the owned lanes one by one, when asked for the next; None for a lane without rows.

        Args:
            batch: the global batch.
            seed: the job's.
            epoch: the cursor's.
            step: the cursor's.
            owned: the lanes to compute.
            wishes_stop: whether this process wishes to stop gracefully.
            add_up: adds few numbers of all lanes; needed for masked losses with several lanes.
        """
        place = (seed, epoch, step)
        for _, metric in self._running:
            metric.begin(place)
        cut = {lane: lane_rows(batch.rows, self.lanes, lane) for lane in owned}
        passes: dict[int, ForwardPass] = {}
        counts: Tensor | None = None
        if self.lanes > 1 and self._compiled.masked:
            # What a masked loss is divided by is known only when all lanes have their masks.
            assert add_up is not None  # given by the loop
            for lane, rows in cut.items():
                if rows.stop > rows.start:
                    passes[lane] = self._forward(batch, rows, lane, place, batch.rows)
            mine = {lane: mask_counts(self._compiled, done) for lane, done in passes.items()}
            counts = add_up(mine, counts_length(self._compiled))
        for lane, rows in cut.items():
            if rows.stop > rows.start:
                done = passes.pop(lane, None) or self._forward(batch, rows, lane, place, batch.rows)
                yield self._finish(batch, rows, lane, done, counts, wishes_stop)
            else:
                yield None

    def _forward(
        self, batch: GlobalBatch, rows: slice, lane: int, place: Place, batch_rows: int
    ) -> ForwardPass:
        data = batch.lane(rows)
        with phase_scope(self.model, True), lane_scope(*place, lane), collecting() as context:
            context.defers_states = True
            if self.lanes > 1:
                context.rows, context.batch_rows = rows, batch_rows
            masks: list[Tensor | None] = []
            outputs = self._computation.outputs(
                self.model, data.inputs, masks if self._compiled.masked else None
            )
        if self._compiled.frozen:
            context.updates = [u for u in context.updates if id(u.variable) not in self._compiled.frozen]
        return ForwardPass(outputs, masks, data, rows.stop - rows.start, context)

    def _finish(
        self,
        batch: GlobalBatch,
        rows: slice,
        lane: int,
        done: ForwardPass,
        counts: Tensor | None,
        wishes_stop: bool,
    ) -> LaneResult:
        """Computes the gradients of a forward pass, and all else that the lane contributes."""
        context, count = done.context, done.rows
        with phase_scope(self.model, True):
            penalties = self.model.penalties if lane == 0 and self._has_penalties else []
            shares = self._shares_of(self._compiled, done, batch.rows, batch.denominators, penalties, counts)
        grads = self._gradients(shares.loss)
        self._updates = context.updates
        self._state_updates = context.state_updates
        factor = count / batch.rows
        updates = [u.value if factor == 1.0 else u.value * factor for u in context.updates]
        updates += state_values(context.state_updates, context.rows)
        return LaneResult(grads, updates, self._sums(shares.values, count, batch.rows, wishes_stop))

    def _sums(self, values: list[Tensor], count: int, rows: int, wishes_stop: bool) -> Tensor:
        """Returns `LaneResult.sums`: what is the same in nearly all steps is made once."""
        if values[0].dtype in (torch.float16, torch.bfloat16):
            values = [value.float() for value in values]
        key = (count, rows, wishes_stop, values[0].dtype, values[0].device)
        constants = self._constants.get(key)
        if constants is None:
            head = values[0].new_tensor([count, FLAG_STOP if wishes_stop else 0.0])
            factors = values[0].new_tensor([1.0, 1.0] + [float(rows)] * len(values))
            constants = self._constants[key] = (list(head.unbind()), factors)
        head_parts, factors = constants
        return torch.stack([*head_parts, *values]).mul_(factors)

    def _gradients(self, loss: Tensor) -> list[Tensor]:
        if not self._trainable:
            return []
        if not loss.requires_grad:
            return [torch.zeros_like(w) for w in self._trainable]
        scale = self._computation.loss_scale
        scaled = loss if scale is None else loss * scale.scale
        if self._computation.jit_compile:
            grads = torch.autograd.grad(scaled, self._trainable, allow_unused=True)
        else:
            # What torch.autograd.grad calls in the end: a tenth of a small model's step is spent on its way.
            engine = torch.autograd.Variable._execution_engine
            if self._one is None:
                self._one = torch.ones_like(scaled)
            grads = engine.run_backward(
                (scaled,), (self._one,), False, False, tuple(self._trainable), True, accumulate_grad=False
            )
        grads = tuple(
            torch.zeros_like(w) if grad is None else grad
            for w, grad in zip(self._trainable, grads, strict=True)
        )
        return list(grads) if scale is None else [grad / scale.scale for grad in grads]

    def apply(self, total: LaneResult) -> None:
        """Applies the sum over all lanes: moving averages, states, the weight update. It does not fail."""
        count = len(self._updates)
        apply_moving_averages(self._updates, total.updates[:count])
        keep_states(self._state_updates, total.updates[count:], copy=self.lanes > 1)
        scale = self._computation.loss_scale
        if scale is None or scale.accepts(total.grads):
            self.model.optimizer.apply(self._trainable, total.grads)


class _FirstRows(GlobalBatch):
    """A batch cut to its first two rows: torch's own BatchNorm trains on no single one."""

    def __init__(self, batch: GlobalBatch) -> None:
        self.rows = min(2, batch.rows)
        self.denominators = [1.0] * len(batch.denominators)
        self._batch = batch

    def lane(self, rows: slice) -> Lane:
        return self._batch.lane(rows)
