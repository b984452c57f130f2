"""The weights of layers in an HDF5 group: one subgroup a layer, as Keras 2.2.4 lays them out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchyard.models.errors import ModelFileError
from batchyard.models.saving.attributes import read_names, read_text, write_names, write_text
from batchyard.models.saving.guarded_reading import find_dataset, find_group, read_array
from batchyard.models.saving.versions import BACKEND, KERAS_VERSION

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer

#: Layers whose kernel Theano keeps turned by half a turn.
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose", "ConvLSTM2D")


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


def read_weights(group: h5py.Group, layers: Sequence[Layer]) -> None:
    """Set the weights of layers from a group, matched by their order; names don't matter.

    No weight is changed unless all fit.

    Raises:
        ModelFileError: where the group is damaged, or belongs to another model.
    """
    saved = [(name, names) for name, names in _saved_layers(group) if names]
    wanted = [layer for layer in layers if layer.weights]
    if len(saved) != len(wanted):
        raise ModelFileError(
            f"Expected the weights of {len(wanted)} layers ({_some(layer.name for layer in wanted)}) in "
            f"{group.file.filename}, found those of {len(saved)} ({_some(name for name, _ in saved)}). "
            "The file belongs to another model; by_name=True loads only the layers whose names match."
        )
    arrays = [_read_layer(group, *entry, layer) for entry, layer in zip(saved, wanted, strict=True)]
    for layer, values in zip(wanted, arrays, strict=True):
        _assign(layer, values)


def read_weights_by_name(group: h5py.Group, layers: Sequence[Layer], skip_mismatch: bool = False) -> None:
    """Set the weights of those layers that the group has by name; the others stay as they are.

    Args:
        group: what to read.
        layers: layers that may be set.
        skip_mismatch: whether layers whose weights have other shapes are left alone, with a warning.

    Raises:
        ModelFileError: where the group is damaged, or a layer has other weights (unless `skip_mismatch`).
    """
    found: list[tuple[Layer, list[NDArray[Any]]]] = []
    for name, names in _saved_layers(group):
        for layer in (layer for layer in layers if layer.name == name):
            mismatch = _mismatch(group, name, names, layer)
            if mismatch and skip_mismatch:
                warnings.warn(
                    f"Skipping the weights of layer {name!r}: {mismatch}", UserWarning, stacklevel=4
                )
            elif names or layer.weights:
                found.append((layer, _read_layer(group, name, names, layer)))
    for layer, values in found:
        _assign(layer, values)


def _saved_layers(group: h5py.Group) -> list[tuple[str, list[str]]]:
    """Return the names of the layers that a group holds, each with the names of its weights."""
    layer_names = read_names(group, "layer_names")
    if layer_names is None:
        raise ModelFileError(
            f"Expected the attribute 'layer_names' at {group.name!r} in {group.file.filename}, found none. "
            "The file holds no weights of a Keras model."
        )
    return [(name, read_names(find_group(group, name), "weight_names") or []) for name in layer_names]


def _mismatch(group: h5py.Group, name: str, names: Sequence[str], layer: Layer) -> str | None:
    """Say in what the saved weights differ from a layer's; None where they fit."""
    wanted = [tuple(weight.shape) for weight in layer.weights]
    if len(names) != len(wanted):
        return f"expected {len(wanted)} weights, found {len(names)} ({_some(names)})."
    for weight, shape in zip(names, wanted, strict=True):
        found = find_dataset(group, f"{name}/{weight}").shape
        if found != shape:
            return f"expected the shape {shape} for {weight}, found {found}."
    return None


def _read_layer(group: h5py.Group, name: str, names: Sequence[str], layer: Layer) -> list[NDArray[Any]]:
    mismatch = _mismatch(group, name, names, layer)
    if mismatch:
        raise ModelFileError(
            f"The layer {name!r} of {group.file.filename} doesn't fit the model's layer {layer.name!r}: "
            f"{mismatch} "
            "The file belongs to another model; by_name=True with skip_mismatch=True leaves such layers "
            "alone."
        )
    arrays = [
        read_array(find_dataset(group, f"{name}/{weight}"), own.shape)
        for weight, own in zip(names, layer.weights, strict=True)
    ]
    if type(layer).__name__ in _CONVOLUTIONS and read_text(group, "backend") == "theano":
        arrays[0] = _turn(arrays[0])
    return arrays


def to_array(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor's numbers."""
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array


def _assign(layer: Layer, arrays: Sequence[NDArray[Any]]) -> None:
    """Set the weights in the order of `layer.weights`; a nested model's `set_weights` has another."""
    with torch.no_grad():
        for weight, array in zip(layer.weights, arrays, strict=True):
            weight.copy_(torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False)))


def _turn(kernel: NDArray[Any]) -> NDArray[Any]:
    """Turn a kernel by half a turn in its spatial axes: Theano convolves where others correlate."""
    return np.ascontiguousarray(np.flip(kernel, axis=tuple(range(kernel.ndim - 2))))


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:6]) + (", ..." if len(listed) > 6 else "") if listed else "none"
