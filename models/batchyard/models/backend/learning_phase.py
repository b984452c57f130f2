"""Training or test: an explicit scope, not a global switch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from batchyard.models.errors import InvalidArgumentError

__all__ = ["learning_phase", "learning_phase_scope", "set_learning_phase"]

_phase: ContextVar[bool | None] = ContextVar("learning_phase", default=None)


#: What `set_learning_phase` has set for good.
_set: bool | None = None


def learning_phase() -> bool | None:
    """Returns True in a training scope, False in a test scope, None outside of any.

    What `set_learning_phase` has set comes before all scopes.
    """
    return _phase.get() if _set is None else _set


def set_learning_phase(value: int | bool | None) -> None:
    """Makes all layers act as in training (1) or as in test (0) until `clear_session`.

    Args:
        value: 0 or 1; None to leave it to fit, evaluate and predict again.
    """
    global _set
    if value not in (0, 1, None):
        raise InvalidArgumentError(f"The learning phase must be 0 or 1. Received: {value!r}.")
    _set = None if value is None else bool(value)


@contextmanager
def learning_phase_scope(training: bool) -> Iterator[None]:
    """Makes layers act as in training, or as in test, within a `with` block."""
    token = _phase.set(bool(training))
    try:
        yield
    finally:
        _phase.reset(token)
