"""Steps on all rows at once: what a number of steps without a batch size means, as in Keras 2.2.4.

Each step takes the data whole. Formulas of variables, and random tensors, are computed anew for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.training.adapt import columns_of, is_formula, tensors_brought
from batchyard.models.training.data import Columns, EvaluationData, GlobalBatch, TensorBatch, TrainingData

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["WholeEvaluation", "WholeTraining", "check_steps", "read_formulas"]


def read_formulas(model: Model, *data: Any) -> Callable[[], Columns]:
    """Returns what gives the columns of data at each step: checked once if they are no formulas.

    Args:
        model: compiled, if there are targets.
        *data: the arguments of `columns_of`.
    """
    fixed = (
        [objective.target for objective in model.compiled.objectives]
        if model.is_compiled and model.built
        else []
    )
    brought = tensors_brought(model) if model.built else []
    if any(map(is_formula, (*data, brought, fixed))):
        return lambda: columns_of(model, *data)
    columns = columns_of(model, *data)
    return lambda: columns


class WholeTraining(TrainingData):
    """Batches that are all rows each.

    Args:
        columns: gives the rows.
        steps: batches of an epoch.
    """

    def __init__(self, columns: Callable[[], Columns], steps: int) -> None:
        self._columns = columns
        self.steps_per_epoch = steps

    def begin_epoch(self, epoch: int, seed: int) -> None:
        """Has nothing to order."""

    def batch(self, step: int) -> GlobalBatch:
        """Returns all rows."""
        return TensorBatch(self._columns())


class WholeEvaluation(EvaluationData):
    """Batches that are all rows each.

    Args:
        columns: gives the rows.
        steps: how many batches.
    """

    def __init__(self, columns: Callable[[], Columns], steps: int) -> None:
        self._columns = columns
        self.steps = steps

    def batch(self, step: int) -> GlobalBatch:
        """Returns all rows."""
        return TensorBatch(self._columns())


def check_steps(name: str, steps: int | None, *data: Any) -> None:
    """Refuses formulas of which nobody says how often they are computed.

    Args:
        name: of the argument that says it.
        steps: its value.
        *data: what may hold formulas.

    Raises:
        InvalidArgumentError: if some do, and `steps` is None; or if it is below 1.
    """
    if steps is not None and steps < 1:
        raise InvalidArgumentError(f"{name} must be at least 1. Received: {name}={steps}.")
    if steps is None and any(map(is_formula, data)):
        raise InvalidArgumentError(
            f"The data are symbolic tensors, which are computed once a step: give {name}, and no batch_size. "
            f"Received: {name}=None."
        )
