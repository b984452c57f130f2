"""JSON that any reader understands and that gives back every float exactly.

JSON has no NaN and no infinity; here these are written as `{"float": "nan"}`, `{"float": "inf"}`,
`{"float": "-inf"}`.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def dumps(value: Any) -> str:
    """Return `value` as JSON, the same text for equal values (keys are sorted).

    Raises:
        TypeError: where a value is neither JSON nor a numpy scalar.
    """
    return json.dumps(_plain(value), sort_keys=True, allow_nan=False, separators=(",", ":"))


def loads(text: str) -> Any:
    """Return the value that `dumps` was given.

    Raises:
        ValueError: where the text is no such JSON.
    """
    try:
        return json.loads(text, object_hook=_restore, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(
            "Expected JSON of moderate depth, received deeper nesting than can be read."
        ) from None


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _restore(value: dict[str, Any]) -> Any:
    if value.keys() == {"float"} and value["float"] in _NON_FINITE:
        return _NON_FINITE[value["float"]]
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"Expected JSON, received the constant {constant}, which JSON doesn't have.")
