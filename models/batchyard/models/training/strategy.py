"""The one seam of the training loop: who computes the lanes, who adds them, who decides at an epoch's end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from torch import Tensor

from batchyard.models.training.lanes import (
    LaneResult,
    LaneSpec,
    check_lanes,
    flatten,
    tree_sum,
    unflatten,
)

if TYPE_CHECKING:
    from batchyard.models.callbacks.callback_list import CallbackList
    from batchyard.models.callbacks.decision import Decision
    from batchyard.models.engine.model import Model
    from batchyard.models.training.state import FitState

__all__ = ["LocalStrategy", "Strategy"]


class Strategy(ABC):
    """How the lanes of a step are computed and summed, and who decides at an epoch's end.

    `reduce`, `reduce_sums`, `decide`, `share`, `step_done` and `epoch_done` may raise (the crew changed): the
    loop then leaves model and state at a step boundary and passes the exception on.
    """

    #: Logical shards of each global batch: 1 or another power of two, fixed for the life of the job.
    lanes: int

    #: The shapes of lane results, for a member whose own lanes are all empty in some step. The loop sets it
    #: before the first `reduce` if there are several lanes.
    lane_spec: LaneSpec | None = None

    #: Whether `decide` can raise after it has run the callbacks: then what they changed is undone.
    decision_can_fail: bool = True

    #: Whether a callback that sets `model.stop_training` within an epoch stops it at once. In a crew the wish
    #: has to travel to the other members first, with the sums of the next step.
    stops_at_once: bool = False

    @property
    @abstractmethod
    def owned_lanes(self) -> range:
        """The contiguous lanes that this process computes."""

    @abstractmethod
    def reduce(self, results: Iterable[LaneResult | None]) -> LaneResult:
        """Adds the results of a step along the fixed tree.

        Args:
            results: those of the owned lanes in lane order, None for an empty lane. Produced lazily: taking
                the next one computes it.

        Returns:
            The sum over ALL lanes, with the same bits on every member.
        """

    @abstractmethod
    def reduce_sums(self, sums_per_lane: Mapping[int, Tensor], length: int) -> Tensor:
        """Adds few numbers along the fixed tree: those of an evaluation, or of what masks leave in a batch.

        Args:
            sums_per_lane: one-dimensional float64 sums of each owned lane that had rows.
            length: elements of each, for a member whose own lanes are all empty.

        Returns:
            The sum over ALL lanes, with the same bits on every member.
        """

    def should_stop(self) -> bool:
        """Whether this process wishes to stop gracefully; asked once a step, before its lanes are computed.

        The wish travels with the lanes' sums. When any member has it, all end the epoch after that step (on
        CUDA: after the following one, so that no step waits for the device), and training stops after the
            epoch's end work.
        """
        return False

    def decide(self, epoch: int, run: Callable[[], Decision]) -> Decision:
        """Has the callbacks of an epoch's end run once, somewhere.

        Args:
            epoch: the epoch that has ended.
            run: runs this process's callbacks and returns what they decided.

        Returns:
            The decision that all members apply.
        """
        return run()

    def share(
        self, decision: Decision, model: Model, callbacks: CallbackList
    ) -> Sequence[Mapping[str, NDArray[Any]]] | None:
        """Brings to all members what a decision in JSON cannot hold; called on all of them after `decide`.

        Where `decision.weights_changed` or `decision.arrays_changed`, the member that decided sends its
        weights and the `get_arrays()` of each callback; the others put the weights into `model`.

        Returns:
            the callbacks' arrays where they were sent, else None.
        """
        return None

    def step_done(self, state: FitState) -> None:
        """Called after each applied step: a safe point."""
        return

    def epoch_done(self, state: FitState) -> None:
        """Called after the decision was applied and the cursor moved to (epoch + 1, step 0)."""
        return


class LocalStrategy(Strategy):
    """All lanes in this process. With one lane the step's result is passed through untouched.

    Args:
        lanes: logical shards of each batch.
    """

    decision_can_fail = False
    stops_at_once = True

    def __init__(self, lanes: int = 1) -> None:
        self.lanes = check_lanes(lanes)
        self._stop = False

    @property
    def owned_lanes(self) -> range:
        """All of them."""
        return range(self.lanes)

    def request_stop(self) -> None:
        """Ends the epoch after the step that runs now, and training after the epoch's end work."""
        self._stop = True

    def should_stop(self) -> bool:
        """Whether `request_stop` was called."""
        return self._stop

    def reduce(self, results: Iterable[LaneResult | None]) -> LaneResult:
        """Adds the lanes."""
        if self.lanes == 1:
            (only,) = results
            assert only is not None  # lane 0 is never empty
            return only
        assert self.lane_spec is not None  # set by the loop
        parts = {lane: flatten(result) for lane, result in enumerate(results) if result is not None}
        return unflatten(tree_sum(parts, self.lanes), self.lane_spec)

    def reduce_sums(self, sums_per_lane: Mapping[int, Tensor], length: int) -> Tensor:
        """Adds the lanes."""
        return tree_sum(sums_per_lane, self.lanes)
