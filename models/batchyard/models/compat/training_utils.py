"""What `keras.engine.training_utils` offers: checks of arrays, weights of rows, losses with masks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchyard.models import backend, losses
from batchyard.models.backend import floatx
from batchyard.models.engine.symbolic import SymbolicTensor
from batchyard.models.errors import DataError

__all__ = [
    "batch_shuffle",
    "check_array_length_consistency",
    "check_loss_and_target_compatibility",
    "check_num_samples",
    "collect_metrics",
    "iter_sequence_infinite",
    "make_batches",
    "standardize_class_weights",
    "standardize_input_data",
    "standardize_sample_or_class_weights",
    "standardize_sample_weights",
    "standardize_single_array",
    "standardize_weights",
    "weighted_masked_objective",
]

Array = NDArray[Any]


def standardize_single_array(x: Any) -> Any:
    """Returns an array or tensor with at least two axes; symbolic tensors as they are.

    Args:
        x: array, tensor or None.

    Raises:
        DataError: if it is a symbolic tensor with an open batch axis.
    """
    if x is None:
        return None
    if isinstance(x, SymbolicTensor):
        if not x.shape or x.shape[0] is None:
            raise DataError(f"A symbolic tensor that is fed needs a known number of rows. Received: {x!r}.")
        return x
    return x[:, None] if x.ndim == 1 else x


def standardize_input_data(
    data: Any,
    names: Sequence[str],
    shapes: Sequence[Any] | None = None,
    check_batch_axis: bool = True,
    exception_prefix: str = "",
) -> list[Any]:
    """Returns one array per name, from what users pass as data.

    Args:
        data: an array, a list of arrays, or a dictionary by name; data frames too.
        names: of the arrays.
        shapes: that the arrays must have, with None for open sizes and for arrays not to be checked.
        check_batch_axis: whether the first size counts.
        exception_prefix: what the arrays are, for messages: "input" or "target".

    Raises:
        DataError: if arrays lack, or do not fit.
        TypeError: if the data are no arrays.
    """
    if not names:
        if data is not None and hasattr(data, "__len__") and len(data):
            raise DataError(
                f"Error when checking model {exception_prefix}: expected no data, got {data!r:.100}."
            )
        return []
    if data is None:
        return [None for _ in names]
    arrays = [standardize_single_array(array) for array in _listed(data, names, exception_prefix)]
    if len(arrays) != len(names):
        raise DataError(
            f"Error when checking model {exception_prefix}: the list of arrays is not the size the model "
            f"expected. Expected {len(names)} arrays for {list(names)}, received {len(arrays)}: "
            f"{data!r:.200}."
        )
    for array, name, shape in zip(arrays, names, shapes or [None] * len(names), strict=True):
        if shape is not None and array is not None and not isinstance(array, SymbolicTensor):
            _check_shape(array.shape, shape, name, check_batch_axis, exception_prefix)
    return arrays


def _listed(data: Any, names: Sequence[str], prefix: str) -> list[Any]:
    if isinstance(data, Mapping):
        missing = [name for name in names if name not in data]
        if missing:
            raise DataError(f"No data provided for {missing[0]!r}. Need data for each key in: {list(names)}.")
        return [_values(data[name]) for name in names]
    if not isinstance(data, list):
        data = [data]
    elif data and isinstance(data[0], list):
        data = [np.asarray(one) for one in data]
    elif len(names) == 1 and data and isinstance(data[0], float | int):
        data = [np.asarray(data)]
    arrays = [_values(one) for one in data]
    if any(one is not None and not hasattr(one, "shape") for one in arrays):
        raise TypeError(
            f"Error when checking model {prefix}: data should be an array, or a list or dictionary of "
            f"arrays for {list(names)}. Received: {data!r:.200}."
        )
    return arrays


def _values(array: Any) -> Any:
    """Returns the array of a data frame, anything else as it is."""
    return array.values if type(array).__name__ == "DataFrame" else array


def _check_shape(
    found: Sequence[int], expected: Sequence[int | None], name: str, check_batch: bool, prefix: str
) -> None:
    if len(found) != len(expected):
        raise DataError(
            f"Error when checking {prefix}: expected {name} to have {len(expected)} dimensions, but got "
            f"array with shape {tuple(found)}."
        )
    first = 0 if check_batch else 1
    pairs = zip(found[first:], expected[first:], strict=True)
    if any(size and size != there for there, size in pairs):
        raise DataError(
            f"Error when checking {prefix}: expected {name} to have shape {tuple(expected[first:])} but got "
            f"array with shape {tuple(found[first:])}."
        )


def standardize_sample_or_class_weights(
    x_weight: Any, output_names: Sequence[str], weight_type: str
) -> list[Any]:
    """Returns one item per output, from what users pass as `sample_weight` or `class_weight`.

    Args:
        x_weight: for one output anything; for several a list, or a dictionary by name.
        output_names: of the outputs.
        weight_type: "sample_weight" or "class_weight", for messages.

    Raises:
        DataError: if a list has another length.
        TypeError: if several outputs get something else.
    """
    if x_weight is None or len(x_weight) == 0:
        return [None for _ in output_names]
    if len(output_names) == 1:
        if isinstance(x_weight, list) and len(x_weight) == 1:
            return x_weight
        if isinstance(x_weight, Mapping) and output_names[0] in x_weight:
            return [x_weight[output_names[0]]]
        return [x_weight]
    if isinstance(x_weight, list):
        if len(x_weight) != len(output_names):
            raise DataError(
                f"{weight_type} was a list of {len(x_weight)} elements, but the model has "
                f"{len(output_names)} outputs. Provide one array per output."
            )
        return x_weight
    if isinstance(x_weight, Mapping):
        return [x_weight.get(name) for name in output_names]
    raise TypeError(
        f"The model has several outputs, so {weight_type} should be a list or a dictionary. Received: "
        f"{x_weight!r:.100}."
    )


def standardize_class_weights(class_weight: Any, output_names: Sequence[str]) -> list[Any]:
    """Returns the class weights of each output; see `standardize_sample_or_class_weights`."""
    return standardize_sample_or_class_weights(class_weight, output_names, "class_weight")


def standardize_sample_weights(sample_weight: Any, output_names: Sequence[str]) -> list[Any]:
    """Returns the sample weights of each output; see `standardize_sample_or_class_weights`."""
    return standardize_sample_or_class_weights(sample_weight, output_names, "sample_weight")


def check_array_length_consistency(inputs: Any, targets: Any, weights: Any = None) -> None:
    """Checks that arrays have the same number of rows.

    Args:
        inputs: a list of arrays.
        targets: likewise; None among them counts as no rows.
        weights: likewise, or None.

    Raises:
        DataError: if they have not.
    """
    counts = {}
    kinds = {"input arrays (x)": inputs, "target arrays (y)": targets, "sample_weight arrays": weights}
    for kind, arrays in kinds.items():
        rows = {0 if one is None else int(one.shape[0]) for one in arrays} if arrays is not None else {0}
        if len(rows) > 1:
            raise DataError(
                f"All {kind} should have the same number of samples. Got array shapes: "
                f"{[None if one is None else one.shape for one in arrays]}."
            )
        counts[kind] = next(iter(rows), None)
    x, y, w = counts.values()
    if x is not None and y is not None and x != y:
        raise DataError(
            "Input arrays should have the same number of samples as target arrays. Found "
            f"{x} input samples and {y} target samples."
        )
    if y is not None and w is not None and y != w:
        raise DataError(
            "Sample_weight arrays should have the same number of samples as target arrays. Got "
            f"{y} target samples and {w} sample weights."
        )


def check_loss_and_target_compatibility(
    targets: Sequence[Any], loss_fns: Sequence[Any], output_shapes: Sequence[Any]
) -> None:
    """Checks that targets have the shapes that the losses need.

    Args:
        targets: an array per output, or None.
        loss_fns: a loss per output, or None.
        output_shapes: of the outputs, with the batch axis.

    Raises:
        DataError: if one has not.
    """
    same_shape = (losses.mean_squared_error, losses.binary_crossentropy, losses.categorical_crossentropy)
    for y, loss, shape in zip(targets, loss_fns, output_shapes, strict=False):
        if y is None or loss is None:
            continue
        if loss is losses.categorical_crossentropy and y.shape[-1] == 1:
            raise DataError(
                f"You are passing a target array of shape {y.shape} while using as loss "
                "`categorical_crossentropy`, which expects one column per class. Convert class numbers by "
                "`utils.to_categorical(y)`, or use the loss `sparse_categorical_crossentropy`."
            )
        sizes = zip(y.shape[1:], shape[1:], strict=False)
        if loss in same_shape and any(size is not None and size != there for there, size in sizes):
            raise DataError(
                f"A target array with shape {y.shape} was passed for an output of shape {shape} while using "
                f"as loss `{loss.__name__}`. This loss expects targets to have the same shape as the output."
            )


def collect_metrics(metrics: Any, output_names: Sequence[str]) -> list[list[Any]]:
    """Returns the list of metrics of each output.

    Args:
        metrics: a list for all outputs, or a dictionary by name.
        output_names: of the outputs.

    Raises:
        TypeError: if it is something else.
    """
    if not metrics:
        return [[] for _ in output_names]
    if isinstance(metrics, list):
        return [list(metrics) for _ in output_names]
    if isinstance(metrics, Mapping):
        found = [metrics.get(name, []) for name in output_names]
        return [one if isinstance(one, list) else [one] for one in found]
    raise TypeError(f"`metrics` should be a list or a dictionary. Received: {metrics!r}.")


def batch_shuffle(index_array: Array, batch_size: int) -> Array:
    """Returns indices in a new order of batches; what fills no batch stays at the end.

    Args:
        index_array: of shape (rows,).
        batch_size: rows of a batch.
    """
    whole = len(index_array) // batch_size * batch_size
    batches = np.random.permutation(index_array[:whole].reshape(-1, batch_size))
    return np.append(batches.reshape(-1), index_array[whole:])


def make_batches(size: int, batch_size: int) -> list[tuple[int, int]]:
    """Returns the first row of each batch, and the row after its last one.

    Args:
        size: number of rows.
        batch_size: rows of a batch; the last one may have fewer.
    """
    return [(start, min(start + batch_size, size)) for start in range(0, size, batch_size)]


def weighted_masked_objective(fn: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """Returns a loss that takes weights of rows and a mask: (y_true, y_pred, weights, mask=None).

    Its value is a mean: over what the mask leaves, and over the rows whose weight is not 0.

    Args:
        fn: a loss (y_true, y_pred); None gives None.
    """
    if fn is None:
        return None

    def weighted(y_true: Any, y_pred: Any, weights: Any, mask: Any = None) -> Any:
        scores = fn(y_true, y_pred)
        if mask is not None:
            counted = backend.cast(mask, floatx())
            scores = scores * counted / backend.mean(counted)
        if weights is not None:
            further = list(range(len(weights.shape), len(scores.shape)))
            scores = backend.mean(scores, axis=further) if further else scores
            scores = scores * weights
            scores = scores / backend.mean(backend.cast(backend.not_equal(weights, 0), floatx()))
        return backend.mean(scores)

    return weighted


def standardize_weights(
    y: Any, sample_weight: Any = None, class_weight: Any = None, sample_weight_mode: str | None = None
) -> Array:
    """Returns the weight of each row, or of each row and time step.

    Args:
        y: the targets.
        sample_weight: these weights.
        class_weight: weight by class number, if there is no `sample_weight`.
        sample_weight_mode: None, or "temporal" for weights (rows, time).

    Raises:
        DataError: if something does not fit the targets.
    """
    if sample_weight_mode not in (None, "temporal"):
        raise DataError(f"sample_weight_mode should be None or 'temporal'. Received: {sample_weight_mode!r}.")
    axes = 2 if sample_weight_mode else 1
    if axes == 2 and len(y.shape) < 3:
        raise DataError(
            f"sample_weight_mode='temporal' needs targets with an axis of time. Received: shape {y.shape}."
        )
    if sample_weight is not None:
        _check_sample_weight(sample_weight, y, axes)
        if class_weight is not None:
            warnings.warn(
                "Found both `sample_weight` and `class_weight`: `class_weight` argument will be ignored.",
                UserWarning,
                stacklevel=2,
            )
        return np.asarray(sample_weight)
    if isinstance(class_weight, Mapping):
        return _by_class(y, class_weight)
    return np.ones(y.shape[:axes], dtype=floatx())


def _check_sample_weight(weights: Any, y: Any, axes: int) -> None:
    if len(weights.shape) != axes:
        raise DataError(
            f"Found a sample_weight array with shape {weights.shape}: expected {axes} axes. Weights of time "
            "steps, (rows, time), go with sample_weight_mode='temporal' in compile()."
        )
    if tuple(y.shape[:axes]) != tuple(weights.shape):
        raise DataError(
            f"Found a sample_weight array with shape {weights.shape} for targets with shape {y.shape}. "
            "sample_weight cannot be broadcast."
        )


def _by_class(y: Any, class_weight: Mapping[Any, float]) -> Array:
    if len(y.shape) > 2:
        raise DataError("`class_weight` is not supported for targets with three or more axes.")
    classes = np.argmax(y, axis=1) if y.ndim > 1 and y.shape[1] > 1 else np.reshape(y, len(y))
    missing = set(classes.tolist()) - set(class_weight)
    if missing:
        raise DataError(
            f"`class_weight` must contain all classes in the data. The classes {missing} exist in the data "
            "but not in `class_weight`."
        )
    return np.asarray([class_weight[one] for one in classes.tolist()])


def check_num_samples(
    ins: Sequence[Any], batch_size: int | None = None, steps: int | None = None, steps_name: str = "steps"
) -> int | None:
    """Returns the number of rows of what is fed; None where the number of steps decides.

    Args:
        ins: arrays or tensors.
        batch_size: rows of a batch.
        steps: batches.
        steps_name: what the argument is called, for messages.

    Raises:
        DataError: if both are given, or if symbolic tensors come without `steps`.
    """
    if steps is not None and batch_size is not None:
        raise DataError(f"If {steps_name} is set, the `batch_size` must be None.")
    if not ins or any(isinstance(one, SymbolicTensor) for one in ins):
        if steps is None:
            raise DataError(f"If your data are symbolic tensors, specify the `{steps_name}` argument.")
        return None
    return int(ins[0].shape[0]) if hasattr(ins[0], "shape") else None


def iter_sequence_infinite(seq: Iterable[Any]) -> Iterator[Any]:
    """Gives the batches of a `Sequence` again and again.

    Args:
        seq: the sequence.
    """
    while True:
        yield from seq
