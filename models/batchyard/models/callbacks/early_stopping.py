"""Stopping when a metric no longer gets better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from numpy.typing import NDArray

from batchyard.models.callbacks.base import Arrays, Logs, list_arrays, number_arrays
from batchyard.models.callbacks.console import announce
from batchyard.models.callbacks.monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Stops training when a metric hasn't improved for some epochs.

    Args:
        monitor: name of the metric in the logs.
        min_delta: a change has to be larger than this to count as an improvement.
        patience: epochs without improvement after which training stops.
        verbose: 1 to say at the end that and when it stopped, 0 to be silent.
        mode: `min`, `max` or `auto` (by the metric's name).
        baseline: a value to be beaten; None for no such value.
        restore_best_weights: whether the model gets the weights of the best epoch back when training stops;
            if not, it keeps those of the last.

    Attributes:
        wait: epochs since the last improvement.
        stopped_epoch: the epoch after which it stopped (counted from 0); 0 while it hasn't.
        best_weights: the weights of the best epoch, where they may have to be restored.

    Example:
        >>> EarlyStopping(monitor="val_loss", patience=2).patience
        2

    Source: Keras 2.2.4, `callbacks.EarlyStopping`.
    """

    follows_exactly: ClassVar[bool] = True

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self._best_weights: list[NDArray[Any]] | None = None
        self._reset()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget earlier runs."""
        self._reset()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare, and stop when patience is at its end."""
        current = self.get_monitor_value(logs)
        if current is None:
            return
        if self.is_better(current):
            self.best, self.best_epoch, self.wait = current, epoch, 0
            self._keep_weights()
            return
        self.wait += 1
        if self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.stop_reason = (
                f"EarlyStopping: {self.monitor} has not improved on {self.best:.6g} for {self.wait} epochs"
            )
            self.model.stop_training = True
            if not self.deciding:  # called without a CallbackList
                self.settle(epoch)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Say when it stopped."""
        if self.stop_reason and self.verbose:
            announce(f"Epoch {self.stopped_epoch + 1:05d}: early stopping")
            if self.best_weights is not None and self.best_epoch is not None:
                announce(f"The model has the weights of the best epoch, {self.best_epoch + 1}")

    def get_state(self) -> dict[str, Any]:
        """Return the best value and the patience used up."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "wait": self.wait,
            "stopped_epoch": self.stopped_epoch,
            "stop_reason": self.stop_reason,
        }

    def get_arrays(self) -> Arrays:
        """Return the best weights."""
        return number_arrays(self._best_weights or ())

    def set_state(self, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Continue an earlier run."""
        self.best = state["best"]
        self.best_epoch = state["best_epoch"]
        self.wait = state["wait"]
        self.stopped_epoch = state["stopped_epoch"]
        self.stop_reason = state["stop_reason"]
        self._best_weights = list_arrays(arrays) or None

    def follow(self, epoch: int, state: Mapping[str, Any]) -> None:
        """Take over a decision; an epoch's weights are the same on all members, so each keeps its own."""
        self.set_state(state, self.get_arrays())
        if self.best_epoch == epoch:
            self._keep_weights()

    def settle(self, epoch: int) -> None:
        """Restore the best weights after the last epoch."""
        if self.stop_reason and self.stopped_epoch == epoch and self.best_weights is not None:
            self.model.set_weights(self.best_weights)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "monitor": self.monitor,
            "min_delta": self.min_delta,
            "patience": self.patience,
            "verbose": self.verbose,
            "mode": self.mode,
            "baseline": self.baseline,
            "restore_best_weights": self.restore_best_weights,
        }

    @property
    def best_weights(self) -> list[NDArray[Any]] | None:
        """The weights of the best epoch; None where there are none to restore."""
        return self._best_weights

    def _reset(self) -> None:
        self.reset_best(self.baseline)
        self.wait = 0
        self.stopped_epoch = 0
        self.stop_reason = None
        self._best_weights = None

    def _keep_weights(self) -> None:
        if self.restore_best_weights:
            self._best_weights = self.model.get_weights()
