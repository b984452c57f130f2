"""First values that nobody will see, because weights from a file take their place at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["are_replaced", "replaced_values"]

_replaced: ContextVar[bool] = ContextVar("replaced_values", default=False)


@contextmanager
def replaced_values() -> Iterator[None]:
    """Spares random initializers their work in this block: what they make is zeros.

    An orthogonal matrix for an LSTM of thousands of units takes minutes. Whoever opens the block has to
    give all weights that are made in it other values, or to drop them.
    """
    token = _replaced.set(True)
    try:
        yield
    finally:
        _replaced.reset(token)


def are_replaced() -> bool:
    """Whether the values of weights made now will be replaced."""
    return _replaced.get()
