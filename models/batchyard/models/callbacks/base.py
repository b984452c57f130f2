"""What every callback is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from numpy.typing import NDArray

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

#: The names of the hooks, in the order in which a training run meets them first.
HOOKS = (
    "on_train_begin",
    "on_epoch_begin",
    "on_batch_begin",
    "on_batch_end",
    "on_epoch_end",
    "on_train_end",
)

#: Logs, as hooks receive them. Of a batch they may be read lazily, so they are not always a dictionary.
Logs = Mapping[str, Any]
#: The array part of a callback's state.
Arrays = dict[str, NDArray[Any]]


class Callback:
    """Something that watches a training run, and may change its course.

    A hook that a subclass doesn't override is never called, so it costs nothing. All state is reset in
    `on_train_begin`; what has to survive a restart goes through `get_state` and `set_state`.

    Where a crew trains, `on_epoch_end` runs on one member only. What it did to learning rate and
    `stop_training` then holds for all; the others take over the callback's state by `follow`.

    Attributes:
        model: the model in training, from `set_model` on.
        params: facts about the run (`epochs`, `samples`, `steps`, `batch_size`, `verbose`, `metrics`, ...).
        validation_data: what `fit` evaluates on at the end of each epoch, as a list of arrays: inputs,
            targets, sample weights; None without such arrays, and in jobs.

    Source: Keras 2.2.4, `callbacks.Callback`; the state methods are our own.
    """

    #: True where the callback only looks: it changes neither weights nor learning rate, and never stops.
    observes_only: ClassVar[bool] = False
    #: True where `follow` brings about all effects on weights and arrays from the JSON state alone,
    #: so that a crew needn't send any.
    follows_exactly: ClassVar[bool] = False

    #: True while a `CallbackList` decides: then effects on weights wait for `settle`.
    deciding: bool = False

    model: Model
    params: Mapping[str, Any] = {}
    validation_data: Any = None
    #: Why the callback asked to stop; None while it hasn't.
    stop_reason: str | None = None

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Take the facts about the run."""
        self.params = params

    def set_model(self, model: Model) -> None:
        """Take the model that will be trained."""
        self.model = model

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reset all state; the first hook of a run."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Do what is left to do; the last hook of a run."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Act before the first step of an epoch (counted from 0)."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Act after validation; what is put into `logs` is seen by later callbacks and the history."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Act before a step; `logs` has `batch` and `size`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Act after a step; reading the metrics in `logs` waits for the device."""

    def get_state(self) -> dict[str, Any]:
        """Return the part of the state that is JSON; it must not share anything mutable with `self`."""
        return {}

    def get_arrays(self) -> Arrays:
        """Return the part of the state that is arrays.

        An array that was returned once is never written to again: a new state has new arrays. That is
        how a change is noticed without comparing numbers.
        """
        return {}

    def set_state(self, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Continue from what `get_state` and `get_arrays` gave; called after `on_train_begin`."""

    def follow(self, epoch: int, state: Mapping[str, Any]) -> None:
        """Take over what another member's copy of this callback decided at the end of `epoch`."""
        self.set_state(state, self.get_arrays())

    def settle(self, epoch: int) -> None:
        """Do to the model's weights what was decided at the end of `epoch`.

        Called on every member once the decision holds, so it must follow from the state alone. Until then
        a decision can still be lost, with the crew that took it, and the epoch's end be run again.
        """

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, as JSON."""
        return {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build a callback from what `get_config` gave."""
        return cls(**config)


def number_arrays(arrays: Sequence[NDArray[Any]]) -> Arrays:
    """Name the arrays of a list by their place in it, without copying."""
    return {f"{place:05d}": array for place, array in enumerate(arrays)}


def list_arrays(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the arrays of `number_arrays` as a list again, without copying."""
    return [arrays[name] for name in sorted(arrays)]
