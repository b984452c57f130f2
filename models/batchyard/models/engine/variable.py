"""Variables that scripts make: arithmetic with them gives formulas, as in Keras 2."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from batchyard.models.engine.backward_slices import sliced
from batchyard.models.engine.recording import computing, records
from batchyard.models.engine.symbolic import SymbolicTensor
from batchyard.models.engine.weight import Weight

__all__ = ["Variable"]


class Variable(Weight):
    """What `backend.variable` and its like return.

    Python's operators on it are recorded as functions of `backend` are: `K.eval(2 * v)` gives what that is
    by then. Where layers, losses and the like compute they give numbers. A layer's weights are no such
    variables: operators on them are torch's own.
    """

    def __repr__(self) -> str:  # type: ignore[override]
        with computing():  # torch takes it apart by operators
            shown: str = super().__repr__()  # type: ignore[no-untyped-call]
            return shown

    def __float__(self) -> float:
        return float(self.detach())

    def __int__(self) -> int:
        return int(self.detach())


def _swapped(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def swapped(x: Any, y: Any) -> Any:
        return function(y, x)

    swapped.__name__ = function.__name__
    return swapped


def _recorded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    torchs = getattr(Weight, name)

    def method(self: Any, *others: Any) -> Any:
        symbolic = any(isinstance(other, SymbolicTensor) for other in others)
        if not symbolic and not records():
            return torchs(self, *others)
        from batchyard.models.engine.operation import apply_symbolically, record

        return (apply_symbolically if symbolic else record)(function, (self, *others))

    method.__name__ = name
    return method


_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_OPERATORS: dict[str, Callable[..., Any]] = {
    **{f"__{name}__": getattr(operator, name) for name in _BINARY},
    **{f"__i{name}__": getattr(operator, name) for name in ("add", "sub", "mul", "truediv")},
    **{f"__r{name}__": _swapped(getattr(operator, name)) for name in _BINARY},
    **{f"__{name}__": getattr(operator, name) for name in ("neg", "abs", "lt", "le", "gt", "ge")},
    "__getitem__": sliced,
}
for _name, _function in _OPERATORS.items():
    setattr(Variable, _name, _recorded(_name, _function))
