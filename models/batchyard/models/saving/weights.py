"""The weights of layers in an HDF5 group: one subgroup a layer, as Keras 2.2.4 lays them out."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import h5py
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchyard.models.errors import ModelFileError, ShapeError
from batchyard.models.saving.attributes import read_names, read_text, write_names, write_text
from batchyard.models.saving.guarded_reading import find_dataset, find_group, read_array
from batchyard.models.saving.versions import BACKEND, KERAS_VERSION
from batchyard.models.saving.weight_conversion import preprocess_weights_for_loading

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer


#: The most weights in a file; a list of names can be listed again and again.
_WEIGHT_LIMIT = 100_000


def write_weights(group: h5py.Group, layers: Sequence[Layer]) -> None:
    """Write the weights of layers into an empty group."""
    write_names(group, "layer_names", [layer.name for layer in layers])
    write_text(group, "backend", BACKEND)
    write_text(group, "keras_version", KERAS_VERSION)
    for layer in layers:
        write_arrays(
            group.create_group(layer.name),
            weight_names(layer),
            (to_array(weight) for weight in layer.weights),
        )


def write_arrays(group: h5py.Group, names: Sequence[str], arrays: Iterable[NDArray[Any]]) -> None:
    """Write arrays into a group, and their names, in order, into its attribute `weight_names`."""
    write_names(group, "weight_names", names)
    for name, array in zip(names, arrays, strict=True):
        group.create_dataset(name, data=array, track_times=False)


def weight_names(layer: Layer) -> list[str]:
    """Return the names of a layer's weights in a file; a repeated one gets `_1`, `_2`, ... behind it."""
    names: list[str] = []
    for weight in layer.weights:
        name, number = weight.keras_name, 0
        while name in names:
            number += 1
            name = f"{weight.keras_name}_{number}"
        names.append(name)
    return names


def read_weights(
    group: h5py.Group, layers: Sequence[Layer], reshape: bool = False, own_names: bool = False
) -> None:
    """Set the weights of layers from a group, matched by their order; names don't matter.

    No weight is changed unless all fit.

    Args:
        group: what to read.
        layers: all layers of the model.
        reshape: whether kernels of as many numbers are given the layers' shapes.
        own_names: whether the layers were made from the same file, so that their names match.

    Raises:
        ModelFileError: where the group is damaged, or belongs to another model.
    """
    saved = [(name, names) for name, names in saved_layers(group) if names]
    wanted = [layer for layer in layers if layer.weights]
    if len(saved) != len(wanted):
        raise ModelFileError(
            f"Cannot load weights of {len(saved)} layers into a model with weights in {len(wanted)} layers. "
            f"Expected {_some(layer.name for layer in wanted)} in {group.file.filename}, found "
            f"{_some(name for name, _ in saved)}. "
            "The file belongs to another model; by_name=True loads only the layers whose names match."
        )
    by_name = {layer.name: layer for layer in wanted}
    named = [by_name[name] for name, _ in saved if name in by_name]
    if own_names and len(set(named)) == len(wanted):
        wanted = named
    try:
        arrays = _read_layers(group, saved, wanted, reshape)
    except _MismatchError:
        # Keras 1 had another order where branches are merged
        if len(set(named)) != len(wanted) or named == wanted:
            raise
        wanted = named
        arrays = _read_layers(group, saved, wanted, reshape)
    for layer, values in zip(wanted, arrays, strict=True):
        _assign(layer, values)


def read_weights_by_name(
    group: h5py.Group, layers: Sequence[Layer], skip_mismatch: bool = False, reshape: bool = False
) -> None:
    """Set the weights of those layers that the group has by name; the others stay as they are.

    Args:
        group: what to read.
        layers: layers that may be set.
        skip_mismatch: whether layers whose weights have other shapes are left alone, with a warning.
        reshape: whether kernels of as many numbers are given the layers' shapes.

    Raises:
        ModelFileError: where the group is damaged, or a layer has other weights (unless `skip_mismatch`).
    """
    found: list[tuple[Layer, list[NDArray[Any]]]] = []
    for name, names in saved_layers(group):
        for layer in (layer for layer in layers if layer.name == name):
            if not names and not layer.weights:
                continue
            try:
                found.append((layer, _read_layer(group, name, names, layer, reshape)))
            except _MismatchError as mismatch:
                if not skip_mismatch:
                    raise
                warnings.warn(
                    f"Skipping loading the weights of layer {name!r} due to mismatch with those saved: "
                    f"{mismatch.difference}",
                    UserWarning,
                    stacklevel=4,
                )
    for layer, values in found:
        _assign(layer, values)


def saved_layers(group: h5py.Group) -> list[tuple[str, list[str]]]:
    """Return the names of the layers that a group holds, each with the names of its weights.

    Raises:
        ModelFileError: where they are not there, or more than any file of Keras has.
    """
    layer_names = read_names(group, "layer_names")
    if layer_names is None:
        raise ModelFileError(
            f"Expected the attribute 'layer_names' at {group.name!r} in {group.file.filename}, found none. "
            "The file holds no weights of a Keras model."
        )
    found, count = [], 0
    for name in layer_names:
        names = read_names(find_group(group, name), "weight_names") or []
        found.append((name, names))
        count += len(names)
        if count > _WEIGHT_LIMIT:
            raise ModelFileError(
                f"Expected at most {_WEIGHT_LIMIT} weights in {group.file.filename}, found the names of "
                "more. No Keras writes such a file."
            )
    return found


class _MismatchError(ModelFileError):
    """Raised where the weights in a file are not those of the layer."""

    def __init__(self, group: h5py.Group, name: str, layer: Layer, difference: str) -> None:
        self.difference = difference
        super().__init__(
            f"The layer {name!r} of {group.file.filename} doesn't fit the model's layer {layer.name!r}: "
            f"{difference} The file belongs to another model; by_name=True with skip_mismatch=True leaves "
            "such layers alone."
        )


def _read_layers(
    group: h5py.Group, saved: Sequence[tuple[str, list[str]]], layers: Sequence[Layer], reshape: bool
) -> list[list[NDArray[Any]]]:
    return [_read_layer(group, *entry, layer, reshape) for entry, layer in zip(saved, layers, strict=True)]


def _read_layer(
    group: h5py.Group, name: str, names: Sequence[str], layer: Layer, reshape: bool
) -> list[NDArray[Any]]:
    """Return the weights of a layer in the order and the layout of `layer.weights`."""
    datasets = [find_dataset(group, f"{name}/{weight}") for weight in names]
    version = read_text(group, "keras_version")
    try:
        return converted(datasets, layer, version, read_text(group, "backend"), reshape)
    except ShapeError as error:
        raise _MismatchError(group, name, layer, f"{error} ({_some(names)})") from error


def converted(
    datasets: Sequence[h5py.Dataset],
    layer: Layer,
    version: str | None,
    backend: str | None = None,
    reshape: bool = False,
) -> list[NDArray[Any]]:
    """Return the weights of a layer as this library lays them out, whoever wrote them.

    Args:
        datasets: the weights in the file.
        layer: that is to have them.
        version: of the library that wrote them; None for Keras 1, which didn't tell.
        backend: for which they were written.
        reshape: whether kernels of as many numbers are given the layer's shapes.

    Raises:
        ShapeError: where they aren't those of the layer.
        ModelFileError: where the file is damaged.
    """
    wanted = [tuple(weight.shape) for weight in layer.weights]
    found = [tuple(dataset.shape) for dataset in datasets]
    old = version is None or version.startswith("1.") or version == "1"
    if found != wanted:
        # CuDNN's biases are twice as long; no conversion takes more than that
        numbers, limit = sum(map(math.prod, found)), 2 * sum(map(math.prod, wanted))
        if numbers > limit or (len(found) != len(wanted) and not old):
            raise ShapeError(_difference(wanted, found))
    arrays = [read_array(dataset, dataset.shape) for dataset in datasets]
    if found != wanted or old or backend == "theano":
        arrays = preprocess_weights_for_loading(layer, arrays, "1" if old else version, backend, reshape)
    if [array.shape for array in arrays] != wanted:
        raise ShapeError(_difference(wanted, found))
    return arrays


def _difference(wanted: Sequence[tuple[int, ...]], found: Sequence[tuple[int, ...]]) -> str:
    if len(wanted) != len(found):
        return f"it expects {len(wanted)} weights, but the saved layer has {len(found)} of them."
    pairs = [pair for pair in zip(wanted, found, strict=True) if pair[0] != pair[1]]
    told = (f"a weight has shape {own}, but the saved one has shape {other}" for own, other in pairs)
    return f"{'; '.join(told)}."


def to_array(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor's numbers."""
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array


def _assign(layer: Layer, arrays: Sequence[NDArray[Any]]) -> None:
    """Set the weights in the order of `layer.weights`; a nested model's `set_weights` has another."""
    with torch.no_grad():
        for weight, array in zip(layer.weights, arrays, strict=True):
            weight.copy_(torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False)))


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:6]) + (", ..." if len(listed) > 6 else "") if listed else "none"
