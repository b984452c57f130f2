"""Progress of the training run on standard output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from batchyard.models.callbacks.base import Callback, Logs
from batchyard.models.callbacks.progress_bar import Progbar
from batchyard.models.errors import InvalidArgumentError


class ProgbarLogger(Callback):
    """Shows a progress bar for each epoch; `fit` adds one by itself unless `verbose=0`.

    With `verbose=1` a bar is drawn in terminals and notebooks, and files get one line an epoch;
    with `verbose=2` it is one line an epoch everywhere.

    Args:
        count_mode: whether the bar counts `samples` or `steps`.
        stateful_metrics: names of metrics to be shown as they are and not as a mean.

    Source: Keras 2.2.4, `callbacks.ProgbarLogger`.
    """

    observes_only: ClassVar[bool] = True

    def __init__(self, count_mode: str = "samples", stateful_metrics: Iterable[str] | None = None) -> None:
        if count_mode not in ("samples", "steps"):
            raise InvalidArgumentError(
                f"ProgbarLogger: expected count_mode to be 'samples' or 'steps', received {count_mode!r}."
            )
        self.count_mode = count_mode
        self.stateful_metrics = sorted(stateful_metrics or ())
        self._bar: Progbar | None = None
        self._seen = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Learn how much is to be shown."""
        self.verbose = int(self.params.get("verbose", 0))
        self.epochs = int(self.params.get("epochs", 1))
        self._bar = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Begin a bar."""
        self._seen = 0
        if not self.verbose:
            return
        self._bar = Progbar(
            self._target(),
            verbose=self.verbose,
            stateful_metrics=self.stateful_metrics,
            unit_name=self.count_mode.removesuffix("s"),
        )
        if self._bar.draws:
            print(self._heading(epoch))

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move the bar; metrics are read only when it is drawn."""
        logs = logs or {}
        self._seen += int(logs.get("size", 0)) if self.count_mode == "samples" else 1
        if self._bar is not None and self._bar.is_due and self._seen < (self._bar.target or self._seen + 1):
            so_far = getattr(logs, "so_far", None)
            if so_far is not None:  # the loop's own, which knows the whole epoch
                values = so_far()
                self._bar.stateful_metrics.update(values)
            else:
                values = {name: logs[name] for name in self._metrics(logs)}
            self._bar.update(self._seen, values.items())

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Show the epoch's final numbers."""
        if self._bar is None:
            return
        logs = logs or {}
        names = dict.fromkeys([*self._metrics(logs), *logs])
        values = [(name, logs[name]) for name in names if name not in ("batch", "size")]
        self._bar.close(self._target() or self._seen, values, prefix=f"{self._heading(epoch)} - ")
        self._bar = None

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"count_mode": self.count_mode, "stateful_metrics": list(self.stateful_metrics)}

    def _target(self) -> int | None:
        target = self.params.get(self.count_mode)
        return None if target is None else int(target)

    def _heading(self, epoch: int) -> str:
        return f"Epoch {epoch + 1}/{self.epochs}"

    def _metrics(self, logs: Mapping[str, Any]) -> list[str]:
        wanted = self.params.get("metrics") or [name for name in logs if name not in ("batch", "size")]
        return [name for name in wanted if name in logs]
