"""After which epochs a model is validated: Keras 2.3's `validation_freq`."""

from __future__ import annotations

from collections.abc import Container

from batchyard.models.errors import InvalidArgumentError

__all__ = ["ValidationFrequency", "check_frequency", "is_validated"]

#: Every so many epochs; or the epochs after which to validate, counted from 1.
ValidationFrequency = int | Container[int]


def check_frequency(frequency: ValidationFrequency) -> None:
    """Refuses what says nothing about epochs.

    Args:
        frequency: as in `Model.fit`.

    Raises:
        InvalidArgumentError: if it is neither a whole number of at least 1 nor a collection of such.
    """
    known = isinstance(frequency, Container) and not isinstance(frequency, str | bytes)
    if not known and (not isinstance(frequency, int) or frequency < 1):
        raise InvalidArgumentError(
            "validation_freq must be a whole number of at least 1, or a list of the epochs after which to "
            f"validate, counted from 1. Received: {frequency!r}."
        )


def is_validated(frequency: ValidationFrequency, epoch: int) -> bool:
    """Whether a model is validated after an epoch.

    Args:
        frequency: as in `Model.fit`.
        epoch: counted from 0.
    """
    number = epoch + 1
    return number % frequency == 0 if isinstance(frequency, int) else number in frequency
