"""Setting the learning rate epoch by epoch."""

from __future__ import annotations

import inspect
from bisect import bisect_right
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, ClassVar, Self

from numpy.typing import NDArray

from batchyard.models.callbacks.base import Callback, Logs
from batchyard.models.callbacks.console import announce
from batchyard.models.errors import InvalidArgumentError, UnknownNameError
from batchyard.models.saving.custom_objects import find_custom_object

Schedule = Callable[..., float]


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of each epoch.

    Args:
        schedule: a function of the epoch (counted from 0) and, if it takes two arguments, the present
            learning rate, which returns the new one. Or a dictionary from epoch to learning rate, each
            value good until the next one: what a job file can hold.
        verbose: 1 to announce each epoch's value, 0 to be silent.

    Example:
        >>> LearningRateScheduler({0: 0.1, 10: 0.01}).value_for(12, 0.1)
        0.01

    Source: Keras 2.2.4, `callbacks.LearningRateScheduler`; dictionaries are our own.
    """

    follows_exactly: ClassVar[bool] = True

    def __init__(self, schedule: Schedule | Mapping[int, float], verbose: int = 0) -> None:
        self.schedule = _read_steps(schedule) if isinstance(schedule, Mapping) else schedule
        if not callable(self.schedule) and not isinstance(self.schedule, dict):
            raise InvalidArgumentError(
                "LearningRateScheduler: expected schedule to be a function of the epoch, or a dictionary "
                f"from epoch to learning rate; received {schedule!r}."
            )
        self.verbose = verbose
        self._epoch: int | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget earlier runs."""
        self._epoch = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the learning rate, once an epoch, also where the epoch is entered again after a restart."""
        if epoch == self._epoch:
            return
        self.model.optimizer.lr = self.value_for(epoch, float(self.model.optimizer.lr))
        self._epoch = epoch
        if self.verbose:
            announce(f"Epoch {epoch + 1:05d}: setting the learning rate to {self.model.optimizer.lr:.6g}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Put the learning rate into the logs."""
        if logs is not None:
            logs["lr"] = float(self.model.optimizer.lr)

    def value_for(self, epoch: int, present: float) -> float:
        """Return the learning rate of an epoch.

        Raises:
            InvalidArgumentError: where the schedule gives something that is no number.
        """
        if isinstance(self.schedule, dict):
            place = bisect_right(list(self.schedule), epoch)
            return list(self.schedule.values())[place - 1] if place else present
        value = self.schedule(epoch, present) if _takes_two(self.schedule) else self.schedule(epoch)
        if not isinstance(value, Real):
            raise InvalidArgumentError(
                f"LearningRateScheduler: expected the schedule to return a number, "
                f"received {value!r} for epoch {epoch}."
            )
        return float(value)

    def get_state(self) -> dict[str, Any]:
        """Return the epoch whose learning rate is set."""
        return {"epoch": self._epoch}

    def set_state(self, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Continue an earlier run."""
        self._epoch = state["epoch"]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; a function by its name, to be found as a custom object."""
        if isinstance(self.schedule, dict):
            schedule: Any = {str(epoch): value for epoch, value in self.schedule.items()}
        else:
            schedule = getattr(self.schedule, "__name__", type(self.schedule).__name__)
        return {"schedule": schedule, "verbose": self.verbose}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build a scheduler; a name stands for a custom object."""
        schedule = config["schedule"]
        if isinstance(schedule, str):
            function = find_custom_object(schedule)
            if function is None:
                raise UnknownNameError(
                    f"LearningRateScheduler's schedule {schedule!r} is a function that isn't known here. "
                    "Pass it by custom_objects, or write the schedule as a dictionary from epoch to value."
                )
            schedule = function
        return cls(**{**config, "schedule": schedule})


def _read_steps(schedule: Mapping[Any, Any]) -> dict[int, float]:
    try:
        steps = {int(epoch): float(value) for epoch, value in schedule.items()}
    except (TypeError, ValueError):
        steps = {}
    if not steps or min(steps) < 0:
        raise InvalidArgumentError(
            f"LearningRateScheduler: expected a dictionary from epoch (0, 1, ...) to learning rate, "
            f"received {schedule!r}."
        )
    return dict(sorted(steps.items()))


def _takes_two(function: Callable[..., Any]) -> bool:
    """Whether a schedule wants the present learning rate as well."""
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    return True
