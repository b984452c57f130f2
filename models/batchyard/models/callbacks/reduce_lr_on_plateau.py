"""Lowering the learning rate when a metric no longer gets better."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

from numpy.typing import NDArray

from batchyard.models.callbacks.base import Logs
from batchyard.models.callbacks.console import announce
from batchyard.models.callbacks.monitor import MonitorCallback
from batchyard.models.errors import InvalidArgumentError


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by a factor when a metric hasn't improved for some epochs.

    Args:
        monitor: name of the metric in the logs.
        factor: what the learning rate is multiplied by, below 1.
        patience: epochs without improvement after which it is lowered.
        verbose: 1 to announce each change, 0 to be silent.
        mode: `min`, `max` or `auto` (by the metric's name).
        min_delta: a change has to be larger than this to count as an improvement.
        cooldown: epochs after a change during which nothing is counted.
        min_lr: the learning rate is never set below this.
        epsilon: old name of `min_delta`.

    Example:
        >>> ReduceLROnPlateau(factor=0.2, patience=5, min_lr=0.001).factor
        0.2

    Source: Keras 2.2.4, `callbacks.ReduceLROnPlateau`.
    """

    follows_exactly: ClassVar[bool] = True

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0,
        *,
        epsilon: float | None = None,
    ) -> None:
        if factor >= 1.0:
            raise InvalidArgumentError(f"ReduceLROnPlateau: expected a factor below 1, received {factor}.")
        if epsilon is not None:
            warnings.warn(
                "ReduceLROnPlateau: the `epsilon` argument is deprecated; it is called `min_delta` now.",
                UserWarning,
                stacklevel=2,
            )
            min_delta = epsilon
        super().__init__(monitor, mode, min_delta)
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget earlier runs."""
        self.reset_best()
        self.cooldown_counter = 0
        self.wait = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare, and lower the learning rate when patience is at its end."""
        if logs is not None:
            logs["lr"] = float(self.model.optimizer.lr)
        current = self.get_monitor_value(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(current):
            self.best, self.best_epoch, self.wait = current, epoch, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def is_better(self, current: float) -> bool:
        """Whether a value is better than the best so far; rounded as Keras does it here."""
        if self.larger_is_better:
            return current > self.best + self.min_delta
        return current < self.best - self.min_delta

    def in_cooldown(self) -> bool:
        """Whether a change was made so lately that nothing is counted yet."""
        return self.cooldown_counter > 0

    def get_state(self) -> dict[str, Any]:
        """Return the best value and the counters; the learning rate is the optimizer's."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "wait": self.wait,
            "cooldown_counter": self.cooldown_counter,
        }

    def set_state(self, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Continue an earlier run."""
        self.best = state["best"]
        self.best_epoch = state["best_epoch"]
        self.wait = state["wait"]
        self.cooldown_counter = state["cooldown_counter"]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "monitor": self.monitor,
            "factor": self.factor,
            "patience": self.patience,
            "verbose": self.verbose,
            "mode": self.mode,
            "min_delta": self.min_delta,
            "cooldown": self.cooldown,
            "min_lr": self.min_lr,
        }

    def _reduce(self, epoch: int) -> None:
        old = float(self.model.optimizer.lr)
        if old <= self.min_lr:
            return
        new = max(old * self.factor, self.min_lr)
        self.model.optimizer.lr = new
        if self.verbose:
            announce(f"Epoch {epoch + 1:05d}: reducing the learning rate from {old:.6g} to {new:.6g}")
        self.cooldown_counter = self.cooldown
        self.wait = 0
