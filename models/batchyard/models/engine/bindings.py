"""Symbolic tensors met while a layer computes: what a function brings along from outside of its arguments.

`Lambda(lambda x: x + other)` with a symbolic `other` is legal Keras. The trial that finds the layer's output
shape notes `other`; it becomes a further input of the call, and has numbers whenever the call is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import Tensor

from batchyard.models.engine.recording import numbers_of
from batchyard.models.engine.structure import map_structure
from batchyard.models.engine.symbolic import LEARNING_PHASE, SymbolicTensor

__all__ = ["Bindings", "bound", "current_bindings", "noting"]


class Bindings:
    """Numbers of symbolic tensors while a layer computes.

    Args:
        values: tensor by the symbolic tensor's identity.
        on_unknown: makes the numbers of one that is not among the values; such ones are noted in `met`.
    """

    def __init__(
        self, values: dict[int, Tensor], on_unknown: Callable[[SymbolicTensor], Tensor] | None = None
    ) -> None:
        self._values = values
        self._on_unknown = on_unknown
        self.met: list[SymbolicTensor] = []

    def resolve(self, value: Any) -> Any:
        """Returns a value with its symbolic tensors replaced by their numbers, where they are known."""
        return map_structure(value, self._resolve_one)

    def _resolve_one(self, leaf: Any) -> Any:
        if not isinstance(leaf, SymbolicTensor) or leaf is LEARNING_PHASE:
            return leaf
        if leaf._of_variables:
            return numbers_of(leaf)
        if id(leaf) not in self._values and self._on_unknown is not None:
            self.met.append(leaf)
            self._values[id(leaf)] = self._on_unknown(leaf)
        return self._values.get(id(leaf), leaf)


_current: ContextVar[Bindings | None] = ContextVar("bindings", default=None)


def current_bindings() -> Bindings | None:
    """Returns the numbers of symbolic tensors in the call that is now computed, None if it brings none."""
    return _current.get()


@contextmanager
def noting(on_unknown: Callable[[SymbolicTensor], Tensor]) -> Iterator[Bindings]:
    """Gives every symbolic tensor that is met the numbers that a function makes, and notes it."""
    bindings = Bindings({}, on_unknown)
    token = _current.set(bindings)
    try:
        yield bindings
    finally:
        _current.reset(token)


@contextmanager
def bound(symbols: Sequence[SymbolicTensor], tensors: Sequence[Tensor]) -> Iterator[None]:
    """Gives symbolic tensors their numbers."""
    token = _current.set(Bindings({id(s): t for s, t in zip(symbols, tensors, strict=True)}))
    try:
        yield
    finally:
        _current.reset(token)
