"""Python functions as code, default arguments and closure."""

from __future__ import annotations

import base64
import binascii
import marshal
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any

import numpy
import torch

from batchyard.models import backend
from batchyard.models.saving.marshalled_code import dump_function

__all__ = ["func_dump", "func_load"]


def func_dump(func: Callable[..., Any]) -> tuple[str, tuple[Any, ...] | None, tuple[Any, ...] | None]:
    """Returns the code, the default arguments and the closure of a function written in Python.

    Args:
        func: the function.

    Raises:
        InvalidArgumentError: if it is not written in Python.

    Source: Keras 2.2.4, `utils.generic_utils`.
    """
    code, defaults, closure = dump_function(func)
    return code, defaults and tuple(defaults), closure and tuple(closure)


def func_load(
    code: Any,
    defaults: tuple[Any, ...] | None = None,
    closure: tuple[Any, ...] | None = None,
    globs: dict[str, Any] | None = None,
) -> Callable[..., Any]:
    """Makes a function of what `func_dump` returned. It can do anything: load none that you do not trust.

    Args:
        code: the function's code, or all that `func_dump` returned. That of Keras before 2.1.2 will do too.
        defaults: values of the last arguments.
        closure: values, or cells of them.
        globs: the names that the function knows; K, np, numpy and torch by default.
    """
    if isinstance(code, tuple | list):
        code, defaults, closure = code
    cells = closure and tuple(one if isinstance(one, CellType) else CellType(one) for one in closure)
    if globs is None:
        globs = {"K": backend, "np": numpy, "numpy": numpy, "torch": torch}
    compiled = marshal.loads(_bytes_of(code))
    return FunctionType(compiled, globs, compiled.co_name, defaults and tuple(defaults), cells)


def _bytes_of(code: str) -> bytes:
    try:
        return base64.b64decode("".join(code.split()).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return code.encode("raw_unicode_escape")
