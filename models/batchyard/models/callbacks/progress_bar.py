"""A progress bar of plain text."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from batchyard.models.callbacks.console import NotebookLine, is_dynamic, is_notebook, is_terminal

Values = Iterable[tuple[str, Any]]


class Progbar:
    """Shows how far something is, how long it will still take, and some numbers.

    In a terminal or notebook the bar is drawn over itself; in a file it writes one line, at the end. A
    notebook's file keeps the last one only.

    Args:
        target: number of units that make the whole; None if it isn't known.
        width: of the bar itself, in characters.
        verbose: 0 nothing, 1 a bar, 2 one line at the end.
        interval: shortest time between two drawings, in seconds.
        stateful_metrics: names of values to be shown as they are; of all others the mean is shown.
        unit_name: what is counted.
        stream: where to write; None for standard output.
        clock: what tells the time, in seconds.

    Source: Keras 2.2.4, `utils.Progbar`.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 30,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        *,
        unit_name: str = "step",
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.stateful_metrics = set(stateful_metrics or ())
        self.unit_name = unit_name
        self._stream = stream if stream is not None else sys.stdout
        self._clock = clock
        self._dynamic = is_dynamic(self._stream)
        self._line_shown = NotebookLine() if is_notebook(self._stream) else None
        self._begin = clock()
        self._drawn_at: float | None = None
        self._drawn_length = 0
        self._seen = 0
        self._sums: dict[str, tuple[Any, float]] = {}

    @property
    def draws(self) -> bool:
        """Whether there is a bar at all, and not only a line at the end."""
        return self.verbose == 1 and self._dynamic

    @property
    def is_due(self) -> bool:
        """Whether `update` would draw now, so that values needn't be computed for nothing."""
        if not self.draws:
            return False
        return self._drawn_at is None or self._clock() - self._drawn_at >= self.interval

    def update(self, current: int, values: Values | None = None) -> None:
        """Move the bar to `current` units, with values that hold for the units since the last call."""
        self._collect(current, values or ())
        self._seen = current
        if self.target is not None and current >= self.target:
            self.close(current)
        elif self.is_due:
            self._draw(self._line())

    def add(self, n: int, values: Values | None = None) -> None:
        """Move the bar on by `n` units."""
        self.update(self._seen + n, values)

    def close(self, current: int, values: Values | None = None, prefix: str = "") -> None:
        """Show the last state and end the line.

        Args:
            current: units done.
            values: values to be shown as they are, in place of means.
            prefix: what stands first on the line where no bar is drawn.
        """
        self._seen = current
        for name, value in values or ():
            self._sums[name] = (value, 1)
        if self.draws:
            self._draw(self._line(finished=True), ended=True)
            if self._line_shown is None:
                self._write("\n")
        elif self.verbose:
            self._write(f"{prefix}{self._summary()}\n")

    def _collect(self, current: int, values: Values) -> None:
        weight = current - self._seen
        for name, value in values:
            if name in self.stateful_metrics:
                self._sums[name] = (value, 1)
            else:
                total, count = self._sums.get(name, (0.0, 0))
                self._sums[name] = (total + value * weight, count + weight)

    def _line(self, finished: bool = False) -> str:
        elapsed, current = self._clock() - self._begin, self._seen
        if self.target is None:
            head, left = f"{current:7d}/Unknown", f"{elapsed:.0f}s"
        else:
            digits = len(str(self.target))
            head = f"{current:{digits}d}/{self.target} [{_bar(current, self.target, self.width)}]"
            remaining = elapsed / current * (self.target - current) if current else None
            left = "ETA: ?" if remaining is None else f"ETA: {format_seconds(remaining)}"
        if finished:
            left = format_elapsed(elapsed, current, self.unit_name)
        return f"{head} - {left}{self._values()}"

    def _summary(self) -> str:
        taken = format_elapsed(self._clock() - self._begin, self._seen, self.unit_name)
        return f"{self._seen}/{self.target or 'Unknown'} - {taken}{self._values()}"

    def _values(self) -> str:
        return "".join(
            f" - {name}: {_format_value(total / max(count, 1))}"
            for name, (total, count) in self._sums.items()
        )

    def _draw(self, line: str, ended: bool = False) -> None:
        if self._line_shown is not None:
            self._line_shown.show(line)
            self._drawn_at = self._clock()
            return
        if not ended and is_terminal(self._stream):  # a line that wraps could not be drawn over
            width = shutil.get_terminal_size().columns - 1
            line = line if len(line) <= width else f"{line[: width - 1]}…"
        padding = " " * max(0, self._drawn_length - len(line))
        self._write(f"\r{line}{padding}")
        self._drawn_length = len(line)
        self._drawn_at = self._clock()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def format_seconds(seconds: float) -> str:
    """Return a duration as people read it: `8s`, `2:05`, `1:00:00`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    if whole >= 60:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole}s"


def format_elapsed(seconds: float, units: int, unit_name: str) -> str:
    """Return a duration, and what it makes for each of `units`: `3s 2ms/step`."""
    each = seconds / max(units, 1)
    if each >= 1:
        rate = f"{each:.0f}s"
    elif each >= 1e-3:
        rate = f"{each * 1e3:.0f}ms"
    else:
        rate = f"{each * 1e6:.0f}us"
    return f"{format_seconds(seconds)} {rate}/{unit_name}"


def _bar(current: int, target: int, width: int) -> str:
    done = min(width, width * current // max(target, 1))
    if done >= width:
        return "=" * width
    return "=" * max(done - 1, 0) + ">" * min(done, 1) + "." * (width - done)


def _format_value(value: Any) -> str:
    value = float(value)
    return f"{value:.4f}" if abs(value) > 1e-3 or value == 0 else f"{value:.4e}"
