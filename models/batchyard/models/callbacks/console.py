"""What callbacks say to whoever watches the run, where `verbose` asks for it."""

from __future__ import annotations

import sys


def announce(text: str) -> None:
    """Write a line to standard output, on a line of its own even while a progress bar stands there."""
    print(f"\n{text}" if is_dynamic(sys.stdout) else text, flush=True)


def is_dynamic(stream: object) -> bool:
    """Whether a line can be drawn over: in terminals and notebooks, not in files."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty()) or type(stream).__module__.startswith("ipykernel.")
