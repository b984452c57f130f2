"""The optimizer's state in a model file: iterations, moments, accumulators."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from batchyard.models.errors import ModelFileError
from batchyard.models.saving.attributes import read_names
from batchyard.models.saving.foreign.optimizer_state import layout_of, restore
from batchyard.models.saving.foreign.producer import KERAS_1, KERAS_2, TF_KERAS, Producer
from batchyard.models.saving.guarded_reading import find, find_dataset, find_group, read_array
from batchyard.models.saving.weights import write_arrays

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

_GROUP = "optimizer_weights"
#: What Nadam's product of momenta is when it changes nothing any more.
_GONE = 1e-6
#: How a state begins where all arrays of a slot stand together: tf.keras up to 2.10 counts steps as "iter",
#: under TensorFlow 1 as "iterations", or not at all ("Variable"), just as Keras 2 does.
_GROUPED = re.compile(r"(iter|iterations|Variable(_\d+)?)(:0)?")
#: Attribute of our own: steps done, for optimizers whose state in Keras 2.2.4 doesn't tell.
_ITERATIONS = "batchyard_iterations"


def write_optimizer_state(file: h5py.Group, model: Model, class_name: str | None = None) -> None:
    """Write the state of a model's optimizer, in the order of Keras 2.2.4, unless no step was made yet.

    Args:
        file: to be written to.
        model: compiled.
        class_name: of the optimizer that the file says; that of the model's if not given.
    """
    if int(model.optimizer.iterations) == 0:
        return
    model.optimizer.build(model.compiled.trainable_weights)
    arrays = model.optimizer.get_weights()
    if not arrays:
        return
    name = class_name or type(model.optimizer).__name__
    if name != type(model.optimizer).__name__:  # LaterRMSprop, of which RMSprop has the first slot alone
        arrays = arrays[1 : 1 + len(model.compiled.trainable_weights)]
    group = file.create_group(_GROUP)
    write_arrays(group, _names(name, arrays), arrays)
    if not _has_iterations(arrays):
        group.attrs.create(_ITERATIONS, np.int64(int(model.optimizer.iterations)))


def read_optimizer_state(file: h5py.Group, model: Model, producer: Producer | None = None) -> None:
    """Restore the state of a compiled model's optimizer; one that doesn't fit is left alone, with a warning.

    Args:
        file: with the group of the state.
        model: compiled.
        producer: who wrote it; Keras 2 if not given.

    Raises:
        ModelFileError: where the file is damaged, or reaches outside of itself.
    """
    if find(file, _GROUP) is None:
        return
    group = find_group(file, _GROUP)
    names = read_names(group, "weight_names") or []
    datasets = [find_dataset(group, name) for name in names]
    if not datasets:
        return
    family = KERAS_2 if producer is None else producer.family
    first = names[0].rsplit("/", 1)[-1]
    grouped = family in (KERAS_1, KERAS_2) or (family == TF_KERAS and _GROUPED.fullmatch(first) is not None)
    names_there = _names_there(file, model) if producer is not None and producer.sorts_by_name else None
    restore_from(datasets, grouped, model, file.file.filename, names_there)
    if _ITERATIONS in group.attrs:
        model.optimizer.iterations = _read_count(group)


def _names_there(file: h5py.Group, model: Model) -> dict[int, str]:
    """Return the names that weights had where the file was written, by the identity of ours."""
    group = find_group(file, "model_weights")
    found: dict[int, str] = {}
    for layer in model.layers:
        saved = find(group, layer.name)
        if isinstance(saved, h5py.Group):
            names = read_names(saved, "weight_names") or []
            found |= {id(weight): name for weight, name in zip(layer.weights, names, strict=False)}
    return found


def restore_from(
    datasets: Sequence[h5py.Dataset],
    grouped: bool,
    model: Model,
    file: str,
    names: Mapping[int, str] | None = None,
) -> None:
    """Restore an optimizer's state from arrays; one that doesn't fit is left alone, with a warning.

    Args:
        datasets: in the order in which they were written.
        grouped: whether all arrays of a slot stand together.
        model: compiled.
        file: the file's name, for messages.
        names: of the weights (by identity) where it was written, if they were sorted by these.
    """
    optimizer, weights = model.optimizer, list(model.compiled.trainable_weights)
    optimizer.build(weights)
    order = list(range(len(weights)))
    if names is not None:
        order.sort(key=lambda place: names.get(id(model.compiled.trainable_weights[place]), ""))
        weights = [weights[place] for place in order]
    shapes = [tuple(dataset.shape) for dataset in datasets]
    if optimizer.records_updates and shapes == [tuple(weight.shape) for weight in optimizer.weights]:
        optimizer.set_weights([read_array(d, shape) for d, shape in zip(datasets, shapes, strict=True)])
        return
    layout = layout_of(optimizer, shapes, [tuple(weight.shape) for weight in weights], grouped)
    if layout is None:
        warnings.warn(
            f"The optimizer's state in {file} doesn't fit this model's {type(optimizer).__name__}: expected "
            f"what belongs to {len(weights)} trained weights, found {len(datasets)} arrays of other "
            "number or shapes. Training goes on from the weights, with a fresh optimizer.",
            UserWarning,
            stacklevel=5,
        )
        return
    arrays = [read_array(dataset, shape) for dataset, shape in zip(datasets, shapes, strict=True)]
    restore(optimizer, layout, arrays, order)
    has_product = bool(shapes) and shapes[-1] == ()
    if type(optimizer).__name__ == "Nadam" and not grouped and not has_product:
        _warn_of_first_steps(optimizer, file)


def _warn_of_first_steps(optimizer: Any, file: str) -> None:
    """Tell that tf.keras's Nadam begins otherwise than its formulas say, while that still counts."""
    if optimizer._product(int(optimizer.iterations)) > _GONE:
        warnings.warn(
            f"{file} was trained for {int(optimizer.iterations)} steps by tf.keras's Nadam, which multiplies "
            "its momenta once for each weight instead of once a step, and does not store the product. "
            "Training goes on by Nadam's formulas, with the same moments; after some 50 steps in all both "
            "are the same.",
            UserWarning,
            stacklevel=6,
        )


def begin_as_written(model: Model, training: Any) -> None:
    """Give an optimizer the state with which that of the file began, where it isn't zeros.

    Args:
        model: compiled.
        training: the file's training configuration.
    """
    described = training.get("optimizer_config", training.get("optimizer"))
    config = described.get("config") if isinstance(described, Mapping) else None
    value = config.get("initial_accumulator_value") if isinstance(config, Mapping) else None
    if type(model.optimizer).__name__ == "Adagrad" and isinstance(value, float):
        model.optimizer.build(model.compiled.trainable_weights)
        with torch.no_grad():
            for slot in model.optimizer.slots:
                slot.fill_(value)


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
