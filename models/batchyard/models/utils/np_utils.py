"""Keras's module of that name."""

from batchyard.models.utils.categorical import to_categorical
from batchyard.models.utils.normalize import normalize

__all__ = ["normalize", "to_categorical"]
