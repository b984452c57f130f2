"""Runs a model in training or in test mode, for Keras's layers and for torch's modules alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchyard.models.backend.learning_phase import learning_phase_scope

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["phase_scope"]


def phase_scope(model: Model, training: bool) -> learning_phase_scope:
    """Calls `train()` or `eval()` where the model is in the other mode; sets the phase in a `with` block."""
    if model.training != training:
        model.train(training)
    return learning_phase_scope(training)
