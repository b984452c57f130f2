"""All callbacks of a training run, called as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from batchyard.models.callbacks.base import HOOKS, Arrays, Callback, Logs
from batchyard.models.callbacks.decision import Decision
from batchyard.models.callbacks.state import CallbackState
from batchyard.models.engine.states import current_states
from batchyard.models.errors import CallbackStateError

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model


class CallbackList:
    """The callbacks of a run, in their order.

    Args:
        callbacks: the callbacks; more can be appended before the run begins.
        queue_length: accepted for Keras's sake, which warns of slow callbacks: batches are not timed here.
    """

    def __init__(self, callbacks: Iterable[Callback] | None = None, queue_length: int = 10) -> None:
        self.callbacks: list[Callback] = list(callbacks or ())
        self.model: Model | None = None
        self.params: Mapping[str, Any] = {}
        self._decided: str | None = None

    def __iter__(self) -> Iterator[Callback]:
        return iter(self.callbacks)

    def __len__(self) -> int:
        return len(self.callbacks)

    def append(self, callback: Callback) -> None:
        """Add a callback behind the others."""
        self.callbacks.append(callback)
        self.__dict__.pop("_hooked", None)

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Hand the facts about the run to all."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Model) -> None:
        """Hand the model to all."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    # The hooks. Only callbacks that override one are called, with {} where there are no logs.

    @cached_property
    def _hooked(self) -> dict[str, tuple[Callback, ...]]:
        return {
            hook: tuple(callback for callback in self.callbacks if _overrides(callback, hook))
            for hook in HOOKS
        }

    @property
    def has_batch_hooks(self) -> bool:
        """Whether anybody looks at single batches; if nobody does, the loop needn't make logs for them."""
        return bool(self._hooked["on_batch_begin"] or self._hooked["on_batch_end"])

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Call the hook of each callback that has one."""
        self.__dict__.pop("_hooked", None)
        self._decided = None
        logs = {} if logs is None else logs
        for callback in self._hooked["on_train_begin"]:
            callback.on_train_begin(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Call the hook of each callback that has one."""
        logs = {} if logs is None else logs
        for callback in self._hooked["on_train_end"]:
            callback.on_train_end(logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Call the hook of each callback that has one."""
        logs = {} if logs is None else logs
        for callback in self._hooked["on_epoch_begin"]:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Call the hook of each callback that has one; the loop uses `decide` and `apply` instead."""
        logs = {} if logs is None else logs
        for callback in self._hooked["on_epoch_end"]:
            callback.on_epoch_end(epoch, logs)
        self._settle(epoch)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Call the hook of each callback that has one."""
        logs = {} if logs is None else logs
        for callback in self._hooked["on_batch_begin"]:
            callback.on_batch_begin(batch, logs)

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Call the hook of each callback that has one."""
        logs = {} if logs is None else logs
        for callback in self._hooked["on_batch_end"]:
            callback.on_batch_end(batch, logs)

    # Deciding once, applying everywhere.

    def decide(self, epoch: int, logs: Mapping[str, Any]) -> Decision:
        """Run `on_epoch_end` of all callbacks here, and return everything that it changed.

        The model's hyper-parameters and `stop_training` are put back to what they were: nothing is changed
        before `apply`, as a decision can be lost with the crew that took it.

        Args:
            epoch: the epoch that has ended, counted from 0.
            logs: its logs, validation included; not changed.
        """
        model = self._model()
        hyper_parameters, stop_training = _hyper_parameters(model), model.stop_training
        epoch_logs = dict(logs)
        reason = _stop_reason(self.callbacks) if model.stop_training else None
        weights_changed = arrays_changed = False
        for callback in self._hooked["on_epoch_end"]:
            stopped, weights, arrays = model.stop_training, _versions(model), callback.get_arrays()
            states = current_states(model)
            callback.deciding = True
            try:
                callback.on_epoch_end(epoch, epoch_logs)
            finally:
                callback.deciding = False
            if not callback.follows_exactly:
                weights_changed |= weights != _versions(model)
                weights_changed |= not _same_states(states, current_states(model))
            if not callback.follows_exactly or weights_changed:
                arrays_changed |= not _same_arrays(arrays, callback.get_arrays())
            if model.stop_training and not stopped:
                reason = (
                    callback.stop_reason
                    or f"{type(callback).__name__} stopped training after epoch {epoch + 1}"
                )
        decision = Decision(
            epoch=epoch,
            stop=bool(model.stop_training),
            reason=reason,
            logs={name: float(value) for name, value in epoch_logs.items() if _is_number(value)},
            hyper_parameters=_hyper_parameters(model),
            callbacks=[callback.get_state() for callback in self.callbacks],
            weights_changed=weights_changed,
            arrays_changed=arrays_changed,
        )
        _set_hyper_parameters(model, hyper_parameters)
        model.stop_training = stop_training
        self._decided = decision.to_json()
        return decision

    def apply(self, decision: Decision, arrays: Sequence[Mapping[str, NDArray[Any]]] | None = None) -> None:
        """Bring about what was decided, here or by another member; doing it twice is the same as once.

        Args:
            decision: what holds for all members.
            arrays: `get_arrays()` of each of the deciding member's callbacks. To be sent, together with the
                weights, where the decision says that either changed; otherwise None, and each callback
                follows by itself.

        Raises:
            CallbackStateError: where the decision is one of other callbacks.
        """
        model = self._model()
        _expect_count("The decision", len(decision.callbacks), self.callbacks)
        if arrays is not None:
            _expect_count("The list of arrays", len(arrays), self.callbacks)
        model.stop_training = decision.stop
        _set_hyper_parameters(model, decision.hyper_parameters)
        text = decision.to_json()
        if self._decided != text:
            for place, (callback, state) in enumerate(zip(self.callbacks, decision.callbacks, strict=True)):
                if arrays is None:
                    callback.follow(decision.epoch, state)
                else:
                    callback.set_state(state, arrays[place])
        self._decided = text
        self._settle(decision.epoch)

    # State, for checkpoints.

    def get_states(self) -> list[CallbackState]:
        """Return the state of each callback."""
        return [
            CallbackState(type(callback).__name__, callback.get_state(), callback.get_arrays())
            for callback in self.callbacks
        ]

    def set_states(self, states: Sequence[CallbackState]) -> None:
        """Continue from what `get_states` gave; to be called after `on_train_begin`.

        Raises:
            CallbackStateError: where the states are those of other callbacks.
        """
        _expect_count("The checkpoint", len(states), self.callbacks)
        for place, (callback, state) in enumerate(zip(self.callbacks, states, strict=True)):
            if state.class_name != type(callback).__name__:
                raise CallbackStateError(
                    f"The checkpoint's callback {place} is a {state.class_name}, but here it is a "
                    f"{type(callback).__name__}. Resume with the same callbacks in the same order."
                )
            callback.set_state(state.values, state.arrays)

    def _settle(self, epoch: int) -> None:
        for callback in self.callbacks:
            callback.settle(epoch)

    def _model(self) -> Model:
        if self.model is None:
            raise CallbackStateError("The callbacks have no model yet. Call set_model(model) first.")
        return self.model


def _overrides(callback: Callback, hook: str) -> bool:
    return hook in vars(callback) or getattr(type(callback), hook, None) is not getattr(Callback, hook)


def _is_number(value: Any) -> bool:
    """Whether a logged value can go into a decision: numbers and arrays or tensors with a single one."""
    if isinstance(value, Real):
        return True
    return getattr(value, "shape", None) == () and hasattr(value, "__float__")


def _versions(model: Model) -> list[tuple[int, int]]:
    """Return what changes whenever a weight is replaced or written to."""
    return [(id(weight), weight._version) for weight in model.weights]


def _same_states(one: Sequence[list[Any]], other: Sequence[list[Any]]) -> bool:
    """Whether stateful layers still hold the same states (which are never written to, only replaced)."""
    return all(a is b for mine, own in zip(one, other, strict=True) for a, b in zip(mine, own, strict=True))


def _same_arrays(one: Arrays, other: Arrays) -> bool:
    """Whether a callback still holds the same arrays (which are never written to, only replaced)."""
    return one.keys() == other.keys() and all(one[name] is other[name] for name in one)


def _stop_reason(callbacks: Iterable[Callback]) -> str | None:
    return next((callback.stop_reason for callback in callbacks if callback.stop_reason), None)


def _hyper_parameters(model: Model) -> dict[str, float]:
    """Return the optimizer's hyper-parameters; none for a model that isn't compiled."""
    return model.optimizer.hyper_parameters() if model.is_compiled else {}


def _set_hyper_parameters(model: Model, values: Mapping[str, float]) -> None:
    current = _hyper_parameters(model)
    if values.keys() != current.keys():
        raise CallbackStateError(
            f"The decision has the hyper-parameters {', '.join(sorted(values)) or 'none'}; this model's "
            f"optimizer "
            f"has {', '.join(sorted(current)) or 'none'}. Compile all members' models alike."
        )
    if values:
        model.optimizer.set_hyper_parameters(values)


def _expect_count(what: str, count: int, callbacks: Sequence[Callback]) -> None:
    if count != len(callbacks):
        names = ", ".join(type(callback).__name__ for callback in callbacks) or "none"
        raise CallbackStateError(
            f"{what} has the states of {count} callbacks, but here there are {len(callbacks)} ({names}). "
            "Use the same callbacks in the same order."
        )
