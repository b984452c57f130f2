"""Saving the model while it trains."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any, ClassVar

from numpy.typing import NDArray

from batchyard.models.callbacks.base import Logs
from batchyard.models.callbacks.console import announce
from batchyard.models.callbacks.monitor import MonitorCallback
from batchyard.models.errors import InvalidArgumentError, UnknownMetricError


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after an epoch; a reader never sees a file that is half written.

    Args:
        filepath: where to save; may name `{epoch}` (counted from 1) and any metric of the logs, with
            formats: `weights.{epoch:02d}-{val_loss:.2f}.h5`.
        monitor: the metric that says which model is best.
        verbose: 1 to announce each save, 0 to be silent.
        save_best_only: whether to save only when the metric is better than at any save before.
        save_weights_only: whether to leave out configuration and optimizer.
        mode: `min`, `max` or `auto` (by the metric's name).
        period: epochs between saves.

    Example:
        >>> ModelCheckpoint("best.h5", save_best_only=True).path_for(0, {})
        'best.h5'

    Source: Keras 2.2.4, `callbacks.ModelCheckpoint`.
    """

    observes_only: ClassVar[bool] = True

    def __init__(
        self,
        filepath: str,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        period: int = 1,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = str(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.period = period
        self.epochs_since_last_save = 0
        _check_template(self.filepath)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget earlier runs."""
        self.reset_best()
        self.epochs_since_last_save = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save, if it is time for it and worth it."""
        self.epochs_since_last_save += 1
        if self.epochs_since_last_save < self.period:
            return
        self.epochs_since_last_save = 0
        if self.save_best_only and not self._improves(epoch, logs):
            return
        path = self.path_for(epoch, logs or {})
        if self.verbose:
            announce(f"Epoch {epoch + 1:05d}: saving the {self._what} to {path}")
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def path_for(self, epoch: int, logs: Mapping[str, Any]) -> str:
        """Return the path that an epoch (counted from 0) is saved to.

        Raises:
            UnknownMetricError: where the path names a metric that isn't in the logs.
        """
        try:
            return self.filepath.format(**{**logs, "epoch": epoch + 1})
        except KeyError as missing:
            raise UnknownMetricError(
                f"ModelCheckpoint's filepath {self.filepath!r} names {missing}, which is not available. "
                f"Available are: {', '.join(['epoch', *sorted(logs)])}."
            ) from None

    def get_state(self) -> dict[str, Any]:
        """Return the best value and the epochs since the last save."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "epochs_since_last_save": self.epochs_since_last_save,
        }

    def set_state(self, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Continue an earlier run."""
        self.best = state["best"]
        self.best_epoch = state["best_epoch"]
        self.epochs_since_last_save = state["epochs_since_last_save"]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "filepath": self.filepath,
            "monitor": self.monitor,
            "verbose": self.verbose,
            "save_best_only": self.save_best_only,
            "save_weights_only": self.save_weights_only,
            "mode": self.mode,
            "period": self.period,
        }

    @property
    def _what(self) -> str:
        return "weights" if self.save_weights_only else "model"

    def _improves(self, epoch: int, logs: Mapping[str, Any] | None) -> bool:
        current = self.get_monitor_value(logs)
        if current is None:
            return False
        if not self.is_better(current):
            if self.verbose:
                announce(f"Epoch {epoch + 1:05d}: {self.monitor} did not improve on {self.best:.5f}")
            return False
        if self.verbose:
            announce(f"Epoch {epoch + 1:05d}: {self.monitor} improved from {self.best:.5f} to {current:.5f}")
        self.best, self.best_epoch = current, epoch
        return True


def _check_template(filepath: str) -> None:
    """Refuse a path that can't be formatted, or that reaches into the values' attributes."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(filepath) if name is not None]
    except ValueError as error:
        raise InvalidArgumentError(
            f"ModelCheckpoint: expected filepath to be a path, or a template such as 'w.{{epoch:02d}}.h5'; "
            f"received {filepath!r}: {error}."
        ) from None
    for name in names:
        if not name or not name[0].isalpha() or set(name) & set(".[]"):
            raise InvalidArgumentError(
                f"ModelCheckpoint: expected the fields of filepath to be 'epoch' or names of metrics, "
                f"received {{{name}}} in {filepath!r}."
            )
