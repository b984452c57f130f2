"""Where functions of variables are computed at once, and where they are recorded, to be computed when asked.

In Keras 2 `y = K.square(v)` is a formula: `K.eval(y)` gives what it is by then. So it is here in scripts,
while layers, losses, constraints and all else that computes with numbers get numbers.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch

from batchyard.models.backend.learning_phase import in_a_phase
from batchyard.models.engine.step_context import in_step
from batchyard.models.engine.structure import map_structure
from batchyard.models.engine.symbolic import SymbolicTensor
from batchyard.models.engine.weight import Weight

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["computing", "holds_weight", "is_recording", "numbers_of", "recording", "records", "with_numbers"]

_decided: ContextVar[bool | None] = ContextVar("records", default=None)


def records() -> bool:
    """Whether functions of variables become nodes of a graph."""
    if torch.compiler.is_compiling() or in_step():
        return False
    decided = _decided.get()
    return not in_a_phase() if decided is None else decided


def is_recording() -> bool:
    """Whether somebody has asked for symbolic tensors by `recording`."""
    return not torch.compiler.is_compiling() and _decided.get() is True and not in_step()


class _Deciding:
    """Decides what `records` says in a `with` block."""

    __slots__ = ("_token",)

    records: bool

    def __enter__(self) -> None:
        self._token = _decided.set(self.records)

    def __exit__(self, *_: object) -> None:
        _decided.reset(self._token)


class computing(_Deciding):
    """Has functions of variables give numbers in a `with` block."""

    __slots__ = ()
    records = False


class recording(_Deciding):
    """Has functions of variables give symbolic tensors in a `with` block, whatever is done around it."""

    __slots__ = ()
    records = True


def holds_weight(value: Any) -> bool:
    """Whether a weight is in a value: itself, or within lists, tuples and dictionaries."""
    if isinstance(value, list | tuple):
        return any(holds_weight(item) for item in value)
    if isinstance(value, dict):
        return any(holds_weight(item) for item in value.values())
    return isinstance(value, Weight)


def with_numbers(value: Any) -> Any:
    """Returns a value in which numbers stand for the symbolic tensors that follow from variables alone."""

    def visit(leaf: Any) -> Any:
        return numbers_of(leaf) if isinstance(leaf, SymbolicTensor) and leaf._of_variables else leaf

    return map_structure(value, visit)


def numbers_of(symbol: SymbolicTensor) -> Tensor:
    """Computes a symbolic tensor that follows from variables alone, as these are now; gradients flow."""
    from batchyard.models.backend.functions import plan_for

    with computing():
        return plan_for((), (symbol,)).run(())[0]
