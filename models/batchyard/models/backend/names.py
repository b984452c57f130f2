"""Names that nobody chose: `dense_1`, `dense_2` and so on."""

from __future__ import annotations

import re
from collections import defaultdict

from batchyard.models.backend.learning_phase import set_learning_phase

__all__ = ["clear_session", "get_uid", "reset_uids", "snake_case", "unique_name"]

_counts: defaultdict[str, int] = defaultdict(int)


def get_uid(prefix: str = "") -> int:
    """Returns 1, 2, 3, … for each prefix."""
    _counts[prefix] += 1
    return _counts[prefix]


def reset_uids() -> None:
    """Starts all counts anew."""
    _counts.clear()


def clear_session() -> None:
    """Forgets the names given so far (the next Dense layer is `dense_1` again) and the learning phase set."""
    reset_uids()
    set_learning_phase(None)


def snake_case(name: str) -> str:
    """Returns a class name as Keras spells it in layer names: `MaxPooling2D` gives `max_pooling2d`."""
    spaced = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    snake = re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()
    return f"private{snake}" if snake.startswith("_") else snake


def unique_name(class_name: str) -> str:
    """Returns the next free automatic name for an object of this class."""
    prefix = snake_case(class_name)
    return f"{prefix}_{get_uid(prefix)}"
