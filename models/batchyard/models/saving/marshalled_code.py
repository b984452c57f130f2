"""Functions without a name, saved as code.

Such code can do anything: it is loaded only where the user says so.
"""

from __future__ import annotations

import base64
import marshal
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from batchyard.models.errors import InvalidArgumentError, UnsafeCodeError

__all__ = ["dump_function", "load_function", "safe_mode_scope"]

_safe: ContextVar[bool] = ContextVar("safe_mode", default=True)


@contextmanager
def safe_mode_scope(safe_mode: bool) -> Iterator[None]:
    """Within a `with` block, lets files bring code of their own (False), or refuses them (True)."""
    token = _safe.set(bool(safe_mode))
    try:
        yield
    finally:
        _safe.reset(token)


def dump_function(function: Callable[..., Any]) -> list[Any]:
    """Returns the code, the default arguments and the closure of a Python function, in Keras's layout."""
    code = getattr(function, "__code__", None)
    if code is None:
        raise InvalidArgumentError(f"{function!r} is no Python function, so its code cannot be saved.")
    closure = getattr(function, "__closure__", None)
    cells = None if not closure else [cell.cell_contents for cell in closure]
    defaults = getattr(function, "__defaults__", None)
    return [base64.b64encode(marshal.dumps(code)).decode("ascii"), defaults and list(defaults), cells]


def load_function(dumped: Any, where: str) -> Callable[..., Any]:
    """Makes a function of what `dump_function` returned.

    Its globals are those of this module and of the libraries that lambdas commonly use: K, np, torch.

    Args:
        dumped: code, defaults, closure.
        where: what holds it, for the message.

    Raises:
        UnsafeCodeError: in the safe mode, which is on unless the user has said otherwise.
    """
    if _safe.get():
        raise UnsafeCodeError(
            f"{where} holds code that loading would run. If you trust where the file comes from, load it "
            "with safe_mode=False; better, give the function a name and pass it in custom_objects."
        )
    import numpy
    import torch

    from batchyard.models import backend

    code, defaults, closure = dumped
    return types.FunctionType(
        marshal.loads(base64.b64decode(code)),
        {"__builtins__": __builtins__, "K": backend, "np": numpy, "numpy": numpy, "torch": torch},
        None,
        None if defaults is None else tuple(defaults),
        None if closure is None else tuple(types.CellType(value) for value in closure),
    )
