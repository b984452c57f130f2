"""Training or test: an explicit scope, not a global switch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["learning_phase", "learning_phase_scope"]

_phase: ContextVar[bool | None] = ContextVar("learning_phase", default=None)


def learning_phase() -> bool | None:
    """Returns True in a training scope, False in a test scope, None outside of any."""
    return _phase.get()


@contextmanager
def learning_phase_scope(training: bool) -> Iterator[None]:
    """Makes layers act as in training, or as in test, within a `with` block."""
    token = _phase.set(bool(training))
    try:
        yield
    finally:
        _phase.reset(token)
