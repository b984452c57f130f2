"""The optimizer's state of Keras 1, which kept it in the order of the weights' names there.

Keras 1 had weights of its own for each gate of a recurrent layer, and kernels turned otherwise: the state of
a weight is brought into our layout as the weight itself is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from batchyard.models.errors import ShapeError
from batchyard.models.saving.attributes import read_names
from batchyard.models.saving.foreign.optimizer_state import Layout, layout_of, restore
from batchyard.models.saving.guarded_reading import find_dataset, find_group, read_array
from batchyard.models.saving.weight_conversion import preprocess_weights_for_loading

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.model import Model

__all__ = ["restore_keras_1_state"]

Array = NDArray[Any]


class _Saved(NamedTuple):
    """The weights of a layer in a file of Keras 1.

    Attributes:
        layer: that was given them.
        names: of the weights there.
        shapes: of the weights there.
        trained: whether each of them was trained.
    """

    layer: Layer
    names: list[str]
    shapes: list[tuple[int, ...]]
    trained: list[bool]


def restore_keras_1_state(file: h5py.Group, model: Model) -> bool:
    """Give an optimizer the state that a file of Keras 1 has; return whether it fits.

    Args:
        file: with the groups of the weights and of the state.
        model: compiled, with the weights of the file.

    Raises:
        ModelFileError: where the file is damaged; nothing has changed then.
    """
    saved = _saved_layers(file, model)
    group = find_group(file, "optimizer_weights")
    datasets = [find_dataset(group, name) for name in read_names(group, "weight_names") or []]
    if saved is None:
        return False
    shape_of = {
        name: shape
        for one in saved
        for name, shape, trained in zip(one.names, one.shapes, one.trained, strict=True)
        if trained
    }
    order = sorted(shape_of)
    if len(order) != sum(sum(one.trained) for one in saved):
        return False  # names that occur twice have no order
    optimizer = model.optimizer
    optimizer.build(model.compiled.trainable_weights)
    shapes = [tuple(dataset.shape) for dataset in datasets]
    layout = layout_of(optimizer, shapes, [shape_of[name] for name in order], grouped=True)
    if layout is None:
        return False
    arrays = [read_array(dataset, shape) for dataset, shape in zip(datasets, shapes, strict=True)]
    converted = [] if layout.iterations is None else [arrays[layout.iterations]]
    slots: dict[str, list[int]] = {}
    for slot, places in layout.slots.items():
        by_name = {name: arrays[place] for name, place in zip(order, places, strict=True)}
        slots[slot] = list(range(len(converted), len(converted) + len(model.compiled.trainable_weights)))
        converted += _converted(saved, by_name, model)
    place = None if layout.iterations is None else 0
    restore(optimizer, Layout(place, None, slots), converted, range(len(model.compiled.trainable_weights)))
    return True


def _saved_layers(file: h5py.Group, model: Model) -> list[_Saved] | None:
    """Return what the file has of each layer; None where it isn't plain which weights were trained."""
    group = find_group(file, "model_weights")
    saved = [(name, read_names(find_group(group, name), "weight_names") or []) for name in _names(group)]
    saved = [(name, names) for name, names in saved if names]
    layers = [layer for layer in model.layers if layer.weights]
    by_name = {layer.name: layer for layer in layers}
    if {name for name, _ in saved} == set(by_name):  # else a model within, whose name is not in the file
        layers = [by_name[name] for name, _ in saved]
    if len(saved) != len(layers):
        return None
    trained_here = {id(weight) for weight in model.compiled.trainable_weights}
    found: list[_Saved] = []
    for layer, (group_name, names) in zip(layers, saved, strict=True):
        of_layer = find_group(group, group_name)
        shapes = [tuple(find_dataset(of_layer, name).shape) for name in names]
        # Each array is filled with its number: so it is seen which of our weights it goes to.
        markers = [np.full(shape, float(number)) for number, shape in enumerate(shapes)]
        ours = _as_ours(layer, markers)
        if ours is None:
            return None
        trained = [False] * len(names)
        for weight, array in zip(layer.weights, ours, strict=True):
            for number in np.unique(array):
                trained[int(number)] = id(weight) in trained_here
        found.append(_Saved(layer, names, shapes, trained))
    known = {id(weight) for one in found for weight in one.layer.weights}
    return found if trained_here <= known else None


def _names(group: h5py.Group) -> list[str]:
    return read_names(group, "layer_names") or []


def _as_ours(layer: Layer, arrays: Sequence[Array]) -> list[Array] | None:
    """Return a layer's arrays in our layout; None where they don't fit."""
    try:
        ours = preprocess_weights_for_loading(layer, arrays, "1")
    except (ShapeError, ValueError, IndexError):
        return None
    wanted = [tuple(weight.shape) for weight in layer.weights]
    return ours if [array.shape for array in ours] == wanted else None


def _converted(saved: Sequence[_Saved], by_name: dict[str, Array], model: Model) -> list[Array]:
    """Return a slot's arrays, one for each trained weight of ours."""
    found: dict[int, Array] = {}
    for one in saved:
        arrays = [
            by_name[name] if trained else np.zeros(shape, "float32")
            for name, shape, trained in zip(one.names, one.shapes, one.trained, strict=True)
        ]
        ours = _as_ours(one.layer, arrays)
        assert ours is not None  # it was not for markers of the same shapes
        found |= {id(weight): array for weight, array in zip(one.layer.weights, ours, strict=True)}
    return [found[id(weight)] for weight in model.compiled.trainable_weights]
