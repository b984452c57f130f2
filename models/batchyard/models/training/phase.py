"""Runs a model in training or in test mode, for Keras's layers and for torch's modules alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from batchyard.models.backend.learning_phase import learning_phase_scope

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["phase_scope"]


@contextmanager
def phase_scope(model: Model, training: bool) -> Iterator[None]:
    """Sets the learning phase, and `train()` or `eval()` where the model is in the other mode."""
    if model.training != training:
        model.train(training)
    with learning_phase_scope(training):
        yield
