"""Training or test: an explicit scope, not a global switch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

from batchyard.models.errors import InvalidArgumentError

__all__ = ["in_a_phase", "learning_phase", "learning_phase_scope", "noting_questions", "set_learning_phase"]

_phase: ContextVar[bool | None] = ContextVar("learning_phase", default=None)

#: Where it is noted that the phase was asked for, while somebody wants to know that.
_questions: ContextVar[list[None] | None] = ContextVar("learning_phase_questions", default=None)


#: What `set_learning_phase` has set for good.
_set: bool | None = None


def learning_phase() -> bool | None:
    """Returns True in a training scope, False in a test scope, None outside of any.

    What `set_learning_phase` has set comes before all scopes.
    """
    if _set is not None:
        return _set
    if torch.compiler.is_compiling():
        return None  # the compiler cannot look into context variables; it knows train() and eval()
    questions = _questions.get()
    if questions is not None:
        questions.append(None)
    return _phase.get()


def in_a_phase() -> bool:
    """Whether a model is being trained, evaluated or asked, whatever `set_learning_phase` has set."""
    return _phase.get() is not None


def set_learning_phase(value: int | bool | None) -> None:
    """Makes all layers act as in training (1) or as in test (0) until `clear_session`.

    Args:
        value: 0 or 1; None to leave it to fit, evaluate and predict again.
    """
    global _set
    if value not in (0, 1, None):
        raise InvalidArgumentError(f"The learning phase must be 0 or 1. Received: {value!r}.")
    _set = None if value is None else bool(value)


class learning_phase_scope:
    """Makes layers act as in training, or as in test, within a `with` block.

    Entered twice a training step; a generator would take four times as long.
    """

    __slots__ = ("_token", "_training")

    def __init__(self, training: bool) -> None:
        self._training = bool(training)

    def __enter__(self) -> None:
        self._token = _phase.set(self._training)

    def __exit__(self, *_: object) -> None:
        _phase.reset(self._token)


@contextmanager
def noting_questions() -> Iterator[list[None]]:
    """Gives a list that is longer by one for each time that the phase is asked for within a `with` block.

    Where `set_learning_phase` has decided, nothing depends on the phase any more, and nothing is noted.
    """
    questions: list[None] = []
    token = _questions.set(questions)
    try:
        yield questions
    finally:
        _questions.reset(token)
