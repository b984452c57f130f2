"""Stopping when the loss is no longer a number."""

from __future__ import annotations

import math
from typing import ClassVar

from batchyard.models.callbacks.base import Callback, Logs
from batchyard.models.callbacks.console import announce


class TerminateOnNaN(Callback):
    """Stops training as soon as the loss of a step is NaN or infinite.

    It reads the loss at each step, so it waits for the device each time.

    Source: Keras 2.2.4, `callbacks.TerminateOnNaN`.
    """

    follows_exactly: ClassVar[bool] = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget earlier runs."""
        self.stop_reason = None

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss."""
        if self.stop_reason is not None:
            return
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        self.stop_reason = f"TerminateOnNaN: the loss was {float(loss)} at batch {batch}"
        self.model.stop_training = True
        announce(f"Batch {batch}: the loss is {float(loss)}, terminating training", within_epoch=True)
