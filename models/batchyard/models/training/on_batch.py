"""Single batches: one update, one evaluation, one prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from batchyard.models.engine.symbolic import unpack_singleton
from batchyard.models.training.adapt import columns_of
from batchyard.models.training.data import TensorBatch
from batchyard.models.training.evaluate import evaluate_batch, finish_sums
from batchyard.models.training.lanes import LOSS_AT, ROWS_AT
from batchyard.models.training.predict import predict_batch
from batchyard.models.training.randomness import draw_seed
from batchyard.models.training.step import TrainStep
from batchyard.models.training.strategy import LocalStrategy

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["predict_on_batch", "test_on_batch", "train_on_batch"]


def train_on_batch(
    model: Model, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None
) -> float | list[float]:
    """Is `Model.train_on_batch`."""
    batch = TensorBatch(columns_of(model, x, y, sample_weight, class_weight))
    _show_counts(model)
    strategy = LocalStrategy()
    step = TrainStep(model, strategy.lanes)
    total = strategy.reduce(step.results(batch, draw_seed(), 0, 0, strategy.owned_lanes))
    step.apply(total)
    model.eval()  # called on its own, a model acts as in test
    sums = total.sums.tolist()
    values: list[float] = [value / sums[ROWS_AT] for value in sums[LOSS_AT:]]
    return values[0] if len(values) == 1 else values


def test_on_batch(model: Model, x: Any, y: Any, sample_weight: Any) -> float | list[float]:
    """Is `Model.test_on_batch`."""
    columns_of(model, x, y, sample_weight)
    _show_counts(model)
    values = list(finish_sums(model, evaluate_batch(model, x, y, sample_weight)).values())
    return values[0] if len(values) == 1 else values


def _show_counts(model: Model) -> None:
    """Lets metrics that count over batches go on, and tell how far they are."""
    for _, metric in model.compiled.running_metrics:
        metric.forget_rows()


def predict_on_batch(model: Model, x: Any) -> NDArray[Any] | list[NDArray[Any]]:
    """Is `Model.predict_on_batch`."""
    outputs: NDArray[Any] | list[NDArray[Any]] = unpack_singleton(predict_batch(model, x, 0))
    return outputs
