"""The logs of each epoch as a table in a file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from batchyard.models.callbacks.base import Callback, Logs


class CSVLogger(Callback):
    """Appends a line to a CSV file after each epoch; the file is complete after each line.

    After a restart the file goes on behind the last epoch that the restored state knows: lines of epochs
    that will be run again are cut off.

    Args:
        filename: path of the file.
        separator: what stands between two values.
        append: whether to keep what an existing file holds; if not, it is overwritten.

    Example:
        >>> CSVLogger("training.csv").separator
        ','

    Source: Keras 2.2.4, `callbacks.CSVLogger`.
    """

    observes_only: ClassVar[bool] = True

    def __init__(self, filename: str, separator: str = ",", append: bool = False) -> None:
        self.filename = str(filename)
        self.separator = separator
        self.append = append
        self.on_train_begin()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget earlier runs; the file itself is touched with the first line."""
        self.keys: list[str] | None = None
        self._size: int | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add the epoch's line."""
        logs = logs or {}
        begins = self._begin_file() if self._size is None else self._continue_file()
        if self.keys is None:
            self.keys = sorted(logs)
        lines: list[list[object]] = [["epoch", *self.keys]] if begins else []
        lines.append([epoch, *(_cell(logs.get(key, "NA")) for key in self.keys)])
        with open(self.filename, "ab") as file:
            file.write(self._encode(lines))
            self._size = file.tell()

    def get_state(self) -> dict[str, Any]:
        """Return the columns and how much of the file is written."""
        return {"keys": None if self.keys is None else list(self.keys), "size": self._size}

    def set_state(self, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Continue an earlier run's file."""
        self.keys = None if state["keys"] is None else list(state["keys"])
        self._size = state["size"]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"filename": self.filename, "separator": self.separator, "append": self.append}

    def _begin_file(self) -> bool:
        """Make the file ready for the first line of a run; return whether it needs a header."""
        if self.append and _size(self.filename):
            return False
        with open(self.filename, "wb"):
            return True

    def _continue_file(self) -> bool:
        """Cut off what lies behind the last known line; return whether the file is lost and begins anew."""
        size = _size(self.filename)
        if self._size is None or size < self._size:
            with open(self.filename, "ab"):
                return size == 0
        if size > self._size:
            os.truncate(self.filename, self._size)
        return False

    def _encode(self, lines: Iterable[Iterable[object]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.separator, lineterminator="\n").writerows(lines)
        return text.getvalue().encode()


def _size(filename: str) -> int:
    try:
        return os.path.getsize(filename)
    except FileNotFoundError:
        return 0


def _cell(value: Any) -> object:
    """Return a value as one cell: arrays as a bracketed list."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"[{', '.join(str(item) for item in value.ravel().tolist())}]"
    return value
