"""What callbacks say to whoever watches the run, where `verbose` asks for it."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def announce(text: str, within_epoch: bool = False) -> None:
    """Write a line to standard output.

    Args:
        text: the line.
        within_epoch: whether a progress bar may stand there, so that a new line has to be begun.
    """
    print(f"\n{text}" if within_epoch and is_terminal(sys.stdout) else text, flush=True)


def is_dynamic(stream: object) -> bool:
    """Whether a line can be drawn over: in terminals and notebooks, not in files."""
    return is_terminal(stream) or is_notebook(stream)


def is_notebook(stream: object) -> bool:
    """Whether it is the output of a notebook's cell."""
    return type(stream).__module__.startswith("ipykernel.")


class NotebookLine:
    """A line below a notebook's cell that is replaced by the next text, on the screen and in the file.

    Carriage returns would do on most screens; but each text would be kept, and programs that run notebooks
    without a screen would show them all.
    """

    def __init__(self) -> None:
        self._shown: Any = None

    def show(self, text: str) -> None:
        """Replace the line's text."""
        display = import_module("IPython.display").display  # only where a kernel of IPython runs this
        data = {"text/plain": text}
        if self._shown is None:
            self._shown = display(data, raw=True, display_id=True)
        else:
            self._shown.update(data, raw=True)


def is_terminal(stream: object) -> bool:
    """Whether it is a terminal, whose lines have a width."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())
