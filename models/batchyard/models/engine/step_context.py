"""What layers tell the step that now computes them.

Losses of their own, and batch values for moving averages.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

__all__ = [
    "MovingAverageUpdate",
    "StateKeeper",
    "StateUpdate",
    "StepContext",
    "apply_moving_average",
    "apply_moving_averages",
    "collecting",
    "current_step",
    "in_step",
    "set_traced_step",
]


@dataclass
class MovingAverageUpdate:
    """A batch value that is to be folded into a moving average.

    New = momentum * old + (1 - momentum) * value.

    Attributes:
        variable: the average.
        value: of the batch, or of a lane's rows.
        momentum: see above; 0 replaces the old value.
        counts: whether the variable holds whole numbers, and the value (as floats) what is added to them.
        adds: whether the value is added to the variable, whatever that is by then.
        asked: whether the change is a formula of the graph, such as `backend.update` returns for symbolic
            tensors, and not part of what a layer does.
    """

    variable: Tensor
    value: Tensor
    momentum: float
    counts: bool = False
    adds: bool = False
    asked: bool = False


class StateKeeper(Protocol):
    """A stateful layer: what a batch leaves for the next one, row by row."""

    #: The states of all rows of a batch; None before the first batch.
    states: list[Tensor | None]
    #: In which they are kept.
    dtype: str

    def set_states(self, states: list[Tensor | None]) -> None:
        """Takes the states with which the next batch begins."""

    def whole_state_shapes(self) -> list[tuple[int, ...]]:
        """Returns the shapes of the states of a whole batch."""


@dataclass
class StateUpdate:
    """The states at which the computed rows end; they are kept once the step is applied."""

    keeper: StateKeeper
    states: list[Tensor]


@dataclass
class StepContext:
    """What the layers of one forward pass have told.

    Attributes:
        updates: moving averages, in the order of the calls.
        batch_losses: scalars that are means over the rows (`add_loss` with inputs).
        activity_losses: scalars that are sums over the rows (activity regularizers).
        defers_states: whether stateful layers keep their last states only once the step is applied.
        state_updates: what they then keep.
        rows: which rows of the batch are computed, None for all: stateful layers begin with theirs.
        batch_rows: how many rows the batch has, if `rows` are some of them.
    """

    updates: list[MovingAverageUpdate] = field(default_factory=list)
    batch_losses: list[Tensor] = field(default_factory=list)
    activity_losses: list[Tensor] = field(default_factory=list)
    defers_states: bool = False
    state_updates: list[StateUpdate] = field(default_factory=list)
    rows: slice | None = None
    batch_rows: int | None = None

    def forget(self) -> None:
        """Drops what was told."""
        self.updates.clear()
        self.batch_losses.clear()
        self.activity_losses.clear()
        self.state_updates.clear()


_current: ContextVar[StepContext | None] = ContextVar("step_context", default=None)


#: The context of a forward pass that torch's compiler traces: it cannot look into context variables.
_traced: StepContext | None = None


def current_step() -> StepContext | None:
    """Returns the context of the forward pass that now runs, None if a layer is called on its own."""
    return _traced if torch.compiler.is_compiling() else _current.get()


def in_step() -> bool:
    """Whether a forward pass runs; not to be asked while torch's compiler traces."""
    return _current.get() is not None


def set_traced_step(context: StepContext | None) -> None:
    """Sets what `current_step` returns while torch's compiler traces; called by traced functions only."""
    global _traced
    _traced = context


class collecting:
    """Collects what layers tell during a forward pass, in a `with` block."""

    __slots__ = ("_token",)

    def __enter__(self) -> StepContext:
        context = StepContext()
        self._token = _current.set(context)
        return context

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def apply_moving_average(update: MovingAverageUpdate, value: Tensor | None = None) -> None:
    """Folds a batch value into its moving average.

    Args:
        update: which variable, and how; a momentum of 0 replaces the old value.
        value: the value to use instead of the update's own.
    """
    with torch.no_grad():
        batch = update.value if value is None else value
        if update.adds:
            if not update.variable.is_floating_point():
                batch = batch.round() if batch.is_floating_point() else batch
            if batch.numel() == update.variable.numel():
                batch = batch.reshape(update.variable.shape)
            update.variable.add_(batch.to(update.variable.dtype))
        elif update.counts:
            update.variable.add_(batch.round().to(update.variable.dtype))
        elif update.momentum == 0.0:
            update.variable.copy_(batch.reshape(update.variable.shape))
        else:
            update.variable.mul_(update.momentum).add_(batch, alpha=1.0 - update.momentum)


def apply_moving_averages(updates: Sequence[MovingAverageUpdate], values: Sequence[Tensor]) -> None:
    """Folds a step's values into their averages, in order; averages of one momentum by two calls together.

    Args:
        updates: which variables, and how.
        values: the value for each.
    """
    together: dict[int, tuple[Tensor, Tensor]] = {}
    momentum = 0.0
    for update, value in zip(updates, values, strict=True):
        averages = update.momentum != 0.0 and not update.counts
        if not averages or update.momentum != momentum or id(update.variable) in together:
            _fold(together, momentum)
            together = {}
        if averages:
            momentum = update.momentum
            together[id(update.variable)] = (update.variable, value)
        else:
            apply_moving_average(update, value)
    _fold(together, momentum)


def _fold(together: dict[int, tuple[Tensor, Tensor]], momentum: float) -> None:
    if together:
        variables, values = zip(*together.values(), strict=True)
        with torch.no_grad():
            torch._foreach_mul_(variables, momentum)
            torch._foreach_add_(variables, values, alpha=1.0 - momentum)
