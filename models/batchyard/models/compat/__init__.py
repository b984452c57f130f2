"""Keras's module names and Keras 1's spellings. Nothing else of the library knows of this corner."""

from batchyard.models.compat.import_hook import as_keras

__all__ = ["as_keras"]
