"""Who wrote a file: told by its version, or by how it is spelled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["KERAS_1", "KERAS_2", "KERAS_3", "TF_KERAS", "Family", "Producer", "producer_of"]

Family = Literal["Keras 1", "Keras 2", "tf.keras", "Keras 3"]
KERAS_1: Family = "Keras 1"
KERAS_2: Family = "Keras 2"
TF_KERAS: Family = "tf.keras"
KERAS_3: Family = "Keras 3"

#: Arguments that only Keras 1 writes.
_OLD_ARGUMENTS = {"nb_filter", "filter_length", "border_mode", "W_regularizer", "inner_init", "dim_ordering"}


@dataclass(frozen=True)
class Producer:
    """The library that wrote a file.

    Attributes:
        family: which of the four lines of Keras it is.
        version: as the file gives it; "" if it does not.
    """

    family: Family
    version: str = ""

    @property
    def sorts_by_name(self) -> bool:
        """Whether its optimizers keep their state in the order of the weights' names, not of the layers."""
        return self.family == KERAS_2 and self.version in [f"2.0.{patch}" for patch in range(6)]

    @property
    def counts_masked_steps(self) -> bool:
        """Whether it divides a loss with a mask by the number of all steps."""
        numbers = re.match(r"(\d+)\.(\d+)", self.version)
        if numbers is None or self.family not in (KERAS_2, TF_KERAS):
            return False
        version = int(numbers[1]), int(numbers[2])
        begin = (2, 3) if self.family == KERAS_2 else (2, 2)
        return begin <= version < (2, 10)

    def __str__(self) -> str:
        return f"{self.family} ({self.version})" if self.version else self.family


def producer_of(version: str | None, config: Any = None) -> Producer:
    """Tells who wrote a file.

    Args:
        version: the file's `keras_version`, if it has one: "2.2.4", "2.3.0-tf", "3.5.0".
        config: the model's configuration, looked at where there is no version.
    """
    numbers = re.match(r"(\d+)\.(\d+)", version or "")
    if numbers is None:
        return Producer(_family_by_spelling(config))
    major, minor = int(numbers[1]), int(numbers[2])
    text = str(version)
    if major == 1 and "tf" not in text:
        return Producer(KERAS_1, text)
    if major >= 3:
        return Producer(KERAS_3, text)
    later = "tf" in text or (major, minor) >= (2, 4)
    return Producer(TF_KERAS if later else KERAS_2, text)


def _family_by_spelling(config: Any) -> Family:
    found: Family = KERAS_2
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            name = value.get("class_name")
            if name == "__keras_tensor__" or (name == "InputLayer" and _has(value, "batch_shape")):
                return KERAS_3
            if not _OLD_ARGUMENTS.isdisjoint(value) or (name == "Dense" and _has(value, "output_dim")):
                return KERAS_1
            if name == "Functional" or "registered_name" in value or _has(value, "ragged"):
                found = TF_KERAS
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
    return found


def _has(value: Mapping[str, Any], argument: str) -> bool:
    config = value.get("config")
    return isinstance(config, Mapping) and argument in config
