"""What callbacks say to whoever watches the run, where `verbose` asks for it."""

from __future__ import annotations

import sys


def announce(text: str, within_epoch: bool = False) -> None:
    """Write a line to standard output.

    Args:
        text: the line.
        within_epoch: whether a progress bar may stand there, so that a new line has to be begun.
    """
    print(f"\n{text}" if within_epoch and is_dynamic(sys.stdout) else text, flush=True)


def is_dynamic(stream: object) -> bool:
    """Whether a line can be drawn over: in terminals and notebooks, not in files."""
    return is_terminal(stream) or type(stream).__module__.startswith("ipykernel.")


def is_terminal(stream: object) -> bool:
    """Whether it is a terminal, whose lines have a width."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())
