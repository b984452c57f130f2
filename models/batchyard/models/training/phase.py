"""Runs a model in training or in test mode, for Keras's layers and for torch's modules alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from batchyard.models.backend.learning_phase import learning_phase_scope
from batchyard.models.engine.step_context import StepContext, collecting
from batchyard.models.training.computation import computation_of

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["phase_scope", "testing"]


def phase_scope(model: Model, training: bool) -> learning_phase_scope:
    """Calls `train()` or `eval()` where the model is in the other mode; sets the phase in a `with` block."""
    if model.training != training:
        model.train(training)
    return learning_phase_scope(training)


@contextmanager
def testing(model: Model) -> Iterator[StepContext]:
    """Lets a model be evaluated or asked in a `with` block: in test mode, without gradients.

    Gives what collects what the layers tell. Data are better read outside of the block: tensors that are made
    within cannot be trained with.
    """
    with computation_of(model).without_gradients(), phase_scope(model, False), collecting() as context:
        yield context
