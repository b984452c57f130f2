"""How a crew member takes part in the training loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from batchyard.models.callbacks import Decision
from batchyard.models.training import FitState, LaneResult, Strategy, flatten, subtree_sums, unflatten
from batchyard.workers.crew.decisions import Decisions
from batchyard.workers.crew.exchange import Exchange, Subtrees
from batchyard.workers.crew.group import Group
from batchyard.workers.crew.interruption import SeatLeft
from batchyard.workers.crew.lead import Lead
from batchyard.workers.crew.watcher import Watcher
from batchyard.workers.metrics import WorkerMetrics

__all__ = ["CrewStrategy"]

#: Seconds that a member of several gives the scheduler to form a crew without it before it just leaves.
DRAIN_PATIENCE = 2.0


class CrewStrategy(Strategy):
    """The training loop's seam, filled in for one member of one generation.

    Args:
        group: the members.
        owners: the lanes of each member, in the order of ranks.
        lanes: number of all lanes.
        device: where the model is.
        watcher: tells when the generation is over, and what the user wants.
        decisions: takes the decisions of this generation.
        lead: what the first member does besides; None for the others.
        keep_best: what the others do at an epoch's end, in case the first is lost.
        draining: set when this worker has to leave.
        metrics: takes the times.
    """

    def __init__(
        self,
        group: Group,
        owners: list[range],
        lanes: int,
        device: torch.device,
        watcher: Watcher,
        decisions: Decisions,
        lead: Lead | None,
        keep_best: Callable[[], None],
        draining: threading.Event,
        metrics: WorkerMetrics,
    ) -> None:
        self.lanes = lanes
        self._group = group
        self._owners = owners
        self._device = device
        self._watcher = watcher
        self._decisions = decisions
        self._lead = lead
        self._keep_best = keep_best
        self._draining = draining
        self._drain_until: float | None = None
        self._metrics = metrics
        self._step_exchange: Exchange | None = None
        self._sums_exchange: Exchange | None = None
        self._step_began = time.perf_counter()

    @property
    def owned_lanes(self) -> range:
        """The lanes of this member."""
        return self._owners[self._group.rank]

    def should_stop(self) -> bool:
        """Whether the user asked the job to stop gracefully, as far as this member has heard."""
        return self._watcher.stop_wanted

    def reduce(self, results: Iterable[LaneResult | None]) -> LaneResult:
        """Compute the owned lanes and add up all lanes.

        Raises:
            CrewChanged: The generation is over; nothing was applied.
        """
        if self.lanes == 1:
            (only,) = results
            assert only is not None  # lane 0 is never empty
            return only
        spec = self.lane_spec
        assert spec is not None  # set by the loop
        subtrees = Subtrees(self.owned_lanes, self.lanes)
        for lane, result in zip(self.owned_lanes, results, strict=True):
            self._watcher.check()
            subtrees.add(lane, None if result is None else flatten(result))
        if self._step_exchange is None:
            self._step_exchange = self._exchange(spec.length, spec.dtype)
        with self._metrics.timed(self._metrics.exchange):
            total = unflatten(self._step_exchange.sum(subtrees.sums), spec)
        # The exchange reuses its memory, and sums outlive the step.
        return LaneResult(total.grads, total.updates, total.sums.clone())

    def reduce_sums(self, sums_per_lane: Mapping[int, Tensor], length: int) -> Tensor:
        """Add up few numbers of all lanes.

        Raises:
            CrewChanged: The generation is over.
        """
        if self.lanes == 1:
            return sums_per_lane[0]
        if self._sums_exchange is None or self._sums_exchange.length != length:
            self._sums_exchange = self._exchange(length, torch.float64)
        mine = subtree_sums(sums_per_lane, self.owned_lanes, self.lanes)
        return self._sums_exchange.sum(mine).clone()

    def decide(self, epoch: int, run: Callable[[], Decision]) -> Decision:
        """Return the decision that all members apply; see `crew.decisions`.

        Raises:
            CrewChanged: The generation is over; nothing was applied.
        """
        return self._decisions.decide(epoch, run)

    def step_done(self, state: FitState) -> None:
        """Leave here if the generation is over: model and state are at a step boundary.

        Raises:
            CrewChanged: The generation is over.
            SeatLost: The seat is not this process's any more.
            SeatLeft: The worker drains, and nobody is left to take over from it.
        """
        now = time.perf_counter()
        self._metrics.step.observe(now - self._step_began)
        self._step_began = now
        if self._lead is not None:
            self._lead.step_done(state)
        self._watcher.check()
        if self._draining.is_set():
            self._leave_in_time()

    def epoch_done(self, state: FitState) -> None:
        """Let the first member tell of the epoch; a safe point as `step_done` is."""
        if self._lead is not None:
            self._lead.epoch_done(state)
        else:
            self._keep_best()
        self._step_began = time.perf_counter()

    def _exchange(self, length: int, dtype: torch.dtype) -> Exchange:
        return Exchange(self._group, self._owners, self.lanes, length, dtype, self._device)

    def _leave_in_time(self) -> None:
        """Leave by ourselves where the scheduler cannot form a crew without us."""
        now = time.monotonic()
        if self._drain_until is None:
            self._drain_until = now + (DRAIN_PATIENCE if self._group.size > 1 else 0.0)
        if now >= self._drain_until:
            raise SeatLeft("the worker leaves")
