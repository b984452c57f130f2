"""Training: data, lanes, the step, the one loop, and the state from which it goes on."""

from batchyard.models.training.data import (
    ArrayData,
    ArrayEvaluation,
    Columns,
    EvaluationData,
    GlobalBatch,
    Lane,
    TensorBatch,
    TrainingData,
)
from batchyard.models.training.evaluate import evaluate_batch, finish_sums
from batchyard.models.training.lanes import (
    Block,
    LaneResult,
    LaneSpec,
    aligned_blocks,
    finish_tree,
    flatten,
    lane_rows,
    subtree_sums,
    tree_sum,
    unflatten,
)
from batchyard.models.training.loop import fit_loop
from batchyard.models.training.predict import predict_batch
from batchyard.models.training.randomness import current_generator, derive_seed, draw_seed, lane_scope
from batchyard.models.training.state import FitState, pack, unpack
from batchyard.models.training.strategy import LocalStrategy, Strategy

__all__ = [
    "ArrayData",
    "ArrayEvaluation",
    "Block",
    "Columns",
    "EvaluationData",
    "FitState",
    "GlobalBatch",
    "Lane",
    "LaneResult",
    "LaneSpec",
    "LocalStrategy",
    "Strategy",
    "TensorBatch",
    "TrainingData",
    "aligned_blocks",
    "current_generator",
    "derive_seed",
    "draw_seed",
    "evaluate_batch",
    "finish_sums",
    "finish_tree",
    "fit_loop",
    "flatten",
    "lane_rows",
    "lane_scope",
    "pack",
    "predict_batch",
    "subtree_sums",
    "tree_sum",
    "unflatten",
    "unpack",
]
