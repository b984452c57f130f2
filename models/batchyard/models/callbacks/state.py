"""The state of one callback, as a checkpoint keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class CallbackState:
    """What a callback needs to go on where it was."""

    #: The callback's class, to notice a checkpoint that belongs to other callbacks.
    class_name: str
    #: What `get_state()` gave: JSON.
    values: Mapping[str, Any] = field(default_factory=dict)
    #: What `get_arrays()` gave.
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
