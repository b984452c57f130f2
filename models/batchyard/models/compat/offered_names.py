"""Names that code of Keras's time looks for in modules of ours."""

from __future__ import annotations

from importlib import import_module

from batchyard.models import backend, initializers
from batchyard.models.compat import backend_common
from batchyard.models.initializers.initializers import compute_fans

__all__ = ["offer_names"]


def offer_names() -> None:
    """Puts the names there; only `as_keras` does so."""
    for name in backend_common.__all__:
        setattr(backend, name, getattr(backend_common, name))
    setattr(backend, "common", import_module("keras.backend.common"))  # noqa: B010 - mypy knows no such name
    setattr(initializers, "_compute_fans", compute_fans)  # noqa: B010
