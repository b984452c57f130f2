"""One thing that is wrong with a job specification, and where."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["KeyPath", "Problem", "did_you_mean", "shown"]

#: Keys and list positions from the top of a job to the value, as (`workers`, `min`) or (`callbacks`, 0).
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a job specification.

    Args:
        path: Where it is, from the top of the job.
        what: What was wrong, with the value that was met.
        remedy: What to write instead. Default: nothing to add.
    """

    path: KeyPath
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{dotted(self.path)}: {self.what}" if self.path else self.what
        return f"{text}; {self.remedy}" if self.remedy else text


def dotted(path: KeyPath) -> str:
    """Return a key path as a user reads it: `callbacks[0].EarlyStopping`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def shown(value: Any, limit: int = 60) -> str:
    """Return a value for a message: its repr, cut when it is long."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return `did you mean 'x'?` for the nearest known word.

    Args:
        word: What was written.
        known: What could have been meant.
        otherwise: The text when nothing is near. Default: the list of what is known.
    """
    names = sorted(known)
    near = difflib.get_close_matches(word.lower(), [name.lower() for name in names], n=1, cutoff=0.6)
    if near:
        return f"did you mean {next(name for name in names if name.lower() == near[0])!r}?"
    if otherwise or not names:
        return otherwise
    return f"known: {', '.join(names)}"
