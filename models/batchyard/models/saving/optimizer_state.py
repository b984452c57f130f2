"""The optimizer's state in a model file: iterations, moments, accumulators."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from batchyard.models.errors import ModelFileError
from batchyard.models.saving.attributes import read_names
from batchyard.models.saving.guarded_reading import find, find_dataset, find_group, read_array
from batchyard.models.saving.weights import write_arrays

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

_GROUP = "optimizer_weights"
#: Attribute of our own: steps done, for optimizers whose state in Keras 2.2.4 doesn't tell.
_ITERATIONS = "batchyard_iterations"


def write_optimizer_state(file: h5py.Group, model: Model) -> None:
    """Write the state of a model's optimizer, in the order of Keras 2.2.4, unless no step was made yet."""
    if model.optimizer.iterations == 0:
        return
    model.optimizer.build(model.compiled.trainable_weights)
    arrays = model.optimizer.get_weights()
    if not arrays:
        return
    group = file.create_group(_GROUP)
    write_arrays(group, _names(type(model.optimizer).__name__, arrays), arrays)
    if not _has_iterations(arrays):
        group.attrs.create(_ITERATIONS, np.int64(model.optimizer.iterations))


def read_optimizer_state(file: h5py.Group, model: Model) -> None:
    """Restore the state of a compiled model's optimizer; one that doesn't fit is left alone, with a warning.

    Raises:
        ModelFileError: where the file is damaged, or reaches outside of itself.
    """
    if find(file, _GROUP) is None:
        return
    group = find_group(file, _GROUP)
    datasets = [find_dataset(group, name) for name in read_names(group, "weight_names") or []]
    if not datasets:
        return
    model.optimizer.build(model.compiled.trainable_weights)
    wanted = [array.shape for array in model.optimizer.get_weights()]
    found = [dataset.shape for dataset in datasets]
    if found != wanted:
        warnings.warn(
            f"The optimizer's state in {file.file.filename} doesn't fit this model's "
            f"{type(model.optimizer).__name__}: expected {len(wanted)} arrays as Keras 2.2.4 lays them "
            f"out, found "
            f"{len(found)} or other shapes. Training goes on from the weights, with a fresh optimizer.",
            UserWarning,
            stacklevel=4,
        )
        return
    model.optimizer.set_weights(
        [read_array(dataset, shape) for dataset, shape in zip(datasets, wanted, strict=True)]
    )
    if _ITERATIONS in group.attrs:
        model.optimizer.iterations = _read_count(group)


def _names(optimizer: str, arrays: Sequence[NDArray[Any]]) -> list[str]:
    """Return the names that Keras 2.2.4 on TensorFlow gives."""
    names = [f"{optimizer}/iterations:0"] if _has_iterations(arrays) else []
    slots = len(arrays) - len(names)
    return names + [
        f"training/{optimizer}/Variable{f'_{number}' if number else ''}:0" for number in range(slots)
    ]


def _has_iterations(arrays: Sequence[NDArray[Any]]) -> bool:
    return arrays[0].shape == () and arrays[0].dtype.kind in "iu"


def _read_count(group: h5py.Group) -> int:
    value = np.asarray(group.attrs[_ITERATIONS])
    if value.shape != () or value.dtype.kind not in "iu" or int(value) < 0:
        raise ModelFileError(
            f"Expected a number of steps in the attribute {_ITERATIONS!r} of {group.name!r} in "
            f"{group.file.filename}, found {value!r:.100}. The file is damaged."
        )
    return int(value)
