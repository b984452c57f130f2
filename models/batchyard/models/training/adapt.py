"""From what users pass to `fit` to checked columns of rows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from batchyard.models import losses
from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.engine.recording import with_numbers
from batchyard.models.engine.symbolic import Shape, is_symbolic
from batchyard.models.errors import DataError, InvalidTypeError
from batchyard.models.training.data import Columns
from batchyard.models.training.sparse_rows import SparseRows, is_sparse_matrix

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model
    from batchyard.models.training.compile import Objective

__all__ = ["columns_of", "is_formula", "tensors_brought"]

#: Losses whose targets have the shape of the output.
_SAME_SHAPE = (
    losses.mean_squared_error,
    losses.mean_absolute_error,
    losses.binary_crossentropy,
    losses.categorical_crossentropy,
)


#: Stands for "no targets asked for", as None may be what a user passes.
_PREDICTION = object()


def columns_of(
    model: Model, x: Any, y: Any = _PREDICTION, sample_weight: Any = None, class_weight: Any = None
) -> Columns:
    """Checks data against a model, and builds a model that waits for its input's shape.

    Args:
        model: compiled, if there are targets.
        x: array, tensor or dataset; a list or a dictionary of such for several inputs. None, or less, for
            inputs that bring their tensor along.
        y: likewise, for the outputs that have a loss; left out for prediction. None if the model has only
            losses of its own, or targets that were fixed at `compile`.
        sample_weight: likewise; None for none.
        class_weight: weight per class number; a list or dictionary of such for several outputs.

    Raises:
        DataError: if something does not fit.
    """
    if is_formula(x) or is_formula(y) or is_formula(sample_weight):
        x, y, sample_weight = with_numbers((x, y, sample_weight))
    if not model.built:
        model.build(_shapes_of(x))
    inputs = _inputs(model, x)
    targets: list[Any] = []
    weights: list[Any] = []
    if y is not _PREDICTION:
        objectives = model.compiled.objectives
        targets = _targets(y, objectives)
        weights = _weights(sample_weight, class_weight, targets, objectives)
    counts = {int(column.shape[0]) for column in (*inputs, *targets, *(w for w in weights if w is not None))}
    if len(counts) > 1:
        raise DataError(
            "All arrays need the same number of rows. Received: "
            f"x {[tuple(c.shape) for c in inputs]}, y {[tuple(c.shape) for c in targets]}, "
            f"sample_weight {[tuple(c.shape) for c in weights if c is not None]}."
        )
    return Columns(
        inputs,
        targets,
        weights,
        [tensor.dtype for tensor in model.inputs],
        [torch_dtype(None) for _ in targets],
        model.device,
    )


def is_formula(data: Any) -> bool:
    """Whether data are, or a list or dictionary of them holds, symbolic tensors."""
    if isinstance(data, Mapping):
        data = list(data.values())
    return is_symbolic(data)


def _shapes_of(x: Any) -> Any:
    """Returns the shape, or the list of shapes, for which a model is built."""
    several = list(x.values()) if isinstance(x, Mapping) else x
    if isinstance(several, list | tuple) and len(several) > 1 and hasattr(several[0], "shape"):
        return [(None, *_column(one, "x").shape[1:]) for one in several]
    only = several[0] if isinstance(x, Mapping) else _only(several)
    return (None, *_column(only, "x").shape[1:])


def tensors_brought(model: Model) -> list[Any]:
    """Returns for each input the tensor that it brings along, or None."""
    return [getattr(tensor._keras_history.layer, "input_tensor", None) for tensor in model.inputs]


def _inputs(model: Model, x: Any) -> list[Any]:
    """Returns a column per input: what it brings along, or what was passed for it."""
    brought = with_numbers(tensors_brought(model))
    names = [n for n, tensor in zip(model.input_names, brought, strict=True) if tensor is None]
    empty = x is None or (isinstance(x, list | tuple | Mapping) and not x)
    given = iter([] if empty and not names else _spread(x, names, "x", "input"))
    return [
        _fit(next(given) if column is None else column, tensor.shape, f"input {name!r}")
        for column, tensor, name in zip(brought, model.inputs, model.input_names, strict=True)
    ]


def _targets(y: Any, objectives: Sequence[Objective]) -> list[Any]:
    """Returns a column per loss: what was fixed at `compile`, or what was passed for it."""
    names = [objective.name for objective in objectives if objective.target is None]
    if y is None and names:
        raise DataError(
            f"The losses of the outputs {names} need targets: expected y to be an array, or a list or a "
            "dictionary of arrays. Received: None."
        )
    if y is not None and not names:
        raise DataError(
            "The model takes no targets: it has only losses of its own, or targets fixed at compile. "
            f"Expected y=None, received: {type(y).__name__}."
        )
    given = iter([] if y is None else _spread(y, names, "y", "output"))
    return [
        _fit_target(next(given) if objective.target is None else with_numbers(objective.target), objective)
        for objective in objectives
    ]


def _only(x: Any) -> Any:
    return x[0] if isinstance(x, list | tuple) and len(x) == 1 else x


def _spread(value: Any, names: list[str], what: str, kind: str) -> list[Any]:
    """Returns one column per name."""
    if isinstance(value, Mapping):
        missing = [name for name in names if name not in value]
        if missing:
            raise DataError(f"{what} lacks the {kind}s {missing}. Received the keys {sorted(value)}.")
        return [_column(value[name], f"{what}[{name!r}]") for name in names]
    if isinstance(value, list | tuple):
        if len(value) == len(names) and all(hasattr(v, "shape") and len(v.shape) > 0 for v in value):
            return [_column(v, f"{what}[{n}]") for n, v in enumerate(value)]
        if len(names) == 1 and value and not hasattr(value[0], "shape"):
            array = np.asarray(value)
            if len(value) == 1 and array.ndim > 1 and isinstance(value[0], list):
                array = array[0] if isinstance(value[0][0], list | tuple) else array
            return [_column(array, what)]
        raise DataError(
            f"{what} needs one array per {kind}: expected {len(names)} for {names}, received a list of "
            f"{len(value)}."
        )
    if len(names) != 1:
        raise DataError(
            f"{what} needs one array per {kind}: expected a list of {len(names)} for {names}, received a "
            "single one."
        )
    return [_column(value, what)]


def _column(value: Any, what: str) -> Any:
    """Returns something with rows that torch can read."""
    if value is None:
        raise DataError(f"{what} is missing: expected an array, received None.")
    if isinstance(value, Tensor):
        return value.detach()
    if is_sparse_matrix(value):
        return SparseRows(value)
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        value = np.asarray(value)
    if len(value.shape) == 0:
        raise DataError(f"{what} has no rows: expected an array, received the single value {value!r}.")
    if value.dtype.kind not in "biuf":
        raise DataError(
            f"{what} holds {value.dtype} and not numbers. Convert it, for example by array.astype('float32')."
        )
    if isinstance(value, np.ndarray) and any(stride < 0 for stride in value.strides):
        return np.ascontiguousarray(value)
    return value


def _fit(column: Any, shape: Shape, what: str) -> Any:
    """Compares a column with the shape that the model expects.

    Adds a last axis of 1 where that is all that lacks.
    """
    if len(column.shape) == 1 and len(shape) == 2:
        column = _with_axis(column)
    if len(column.shape) != len(shape):
        raise DataError(
            f"The data for {what} need {len(shape)} axes, {shape}, but have {len(column.shape)}: "
            f"{tuple(column.shape)}. The first axis counts the rows."
        )
    if any(
        wanted is not None and wanted != size
        for wanted, size in zip(shape[1:], column.shape[1:], strict=True)
    ):
        raise DataError(f"The data for {what} need the shape {shape}, but have {tuple(column.shape)}.")
    return column


def _fit_target(column: Any, objective: Objective) -> Any:
    what, shape = f"output {objective.name!r}", objective.shape
    if len(column.shape) == 1:
        column = _with_axis(column)
    if objective.loss is losses.sparse_categorical_crossentropy:
        if tuple(column.shape[1:]) != tuple(shape[1:-1]):
            return _fit(column, (*shape[:-1], 1), what)
        return column
    if objective.loss is losses.categorical_crossentropy and column.shape[-1] == 1 and shape[-1] != 1:
        raise DataError(
            f"The targets for {what} have the shape {tuple(column.shape)}, but the loss "
            "categorical_crossentropy needs "
            f"{shape}: one column per class. For class numbers use the loss sparse_categorical_crossentropy."
        )
    return _fit(column, shape, what) if objective.loss in _SAME_SHAPE else column


def _with_axis(column: Any) -> Any:
    if isinstance(column, np.ndarray | Tensor):
        return column[:, None]
    return np.asarray(column[:])[:, None]  # one number per row fits into memory


def _weights(
    sample_weight: Any, class_weight: Any, targets: list[Any], objectives: Sequence[Objective]
) -> list[Any]:
    names = [objective.name for objective in objectives]
    samples = _optional(sample_weight, names, "sample_weight")
    if isinstance(class_weight, Mapping) and not set(class_weight) & set(names):
        classes = [class_weight if len(names) == 1 else None] * len(names)
        if len(names) > 1:
            raise DataError(f"With several outputs class_weight needs one dictionary per output of {names}.")
    else:
        classes = _optional(class_weight, names, "class_weight")
    result = []
    for sample, by_class, target, objective in zip(samples, classes, targets, objectives, strict=True):
        if objective.temporal and len(objective.shape) < 3:
            raise DataError(
                "sample_weight_mode='temporal' needs outputs with an axis of time, (batch, time, …), but the "
                f"output {objective.name!r} has the shape {objective.shape}."
            )
        weights = None if sample is None else _column(sample, "sample_weight")
        axes = 2 if objective.temporal else 1
        if weights is not None and len(weights.shape) != axes:
            raise DataError(
                f"sample_weight for output {objective.name!r} needs {axes} axes, but has the shape "
                f"{tuple(weights.shape)}. For one weight per row and time step, compile with "
                "sample_weight_mode='temporal'."
            )
        if weights is not None and tuple(weights.shape[1:]) != tuple(target.shape[1:axes]):
            raise DataError(
                f"sample_weight for output {objective.name!r} needs the shape "
                f"{tuple(target.shape[:axes])} to fit its targets, but has {tuple(weights.shape)}."
            )
        if by_class is not None and weights is not None:
            warnings.warn(
                f"Output {objective.name!r} has both a sample_weight and a class_weight: the latter is "
                "ignored, as by Keras 2. Multiply the weights of the rows by those of their classes.",
                stacklevel=2,
            )
        elif by_class is not None:
            weights = _by_class(by_class, target, objective)
        result.append(weights)
    return result


def _optional(value: Any, names: list[str], what: str) -> list[Any]:
    if value is None:
        return [None] * len(names)
    if isinstance(value, Mapping):
        return [value.get(name) for name in names]
    if isinstance(value, list | tuple) and len(value) == len(names) and not np.isscalar(value[0]):
        if len(names) > 1 and isinstance(value, tuple):
            raise InvalidTypeError(
                f"{what} must be a list with one item per output of {names}, or a dictionary by output name. "
                "Received: a tuple."
            )
        return list(value)
    if len(names) != 1:
        raise DataError(f"{what} needs one item per output of {names}.")
    return [value]


def _by_class(by_class: Mapping[Any, float], target: Any, objective: Objective) -> NDArray[Any]:
    """Returns the weight of each row, found by its class."""
    values = target[:].cpu().numpy() if isinstance(target, Tensor) else np.asarray(target[:])
    if values.ndim > 2:
        raise DataError(
            f"class_weight needs targets of one class per row, but those of output {objective.name!r} have "
            f"the shape {values.shape}. Use sample_weight with sample_weight_mode='temporal'."
        )
    classes = values.argmax(-1) if values.shape[-1] > 1 else values.reshape(len(values))
    numbers, place = np.unique(classes, return_inverse=True)
    missing = [int(number) for number in numbers if int(number) not in by_class]
    if missing:
        raise DataError(
            f"class_weight has no weight for the classes {missing} of output {objective.name!r}. "
            f"Received weights for {sorted(by_class)}."
        )
    table = np.array(
        [by_class[int(number)] for number in numbers], dtype=str(torch_dtype(None)).removeprefix("torch.")
    )
    weights: NDArray[Any] = table[place.reshape(-1)]
    return weights
