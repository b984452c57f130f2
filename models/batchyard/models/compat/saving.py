"""What `keras.engine.saving` offers beyond loading and saving: weights between layers and HDF5 groups."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import h5py

from batchyard.models.saving.attributes import read_names, write_names
from batchyard.models.saving.loading import load_model
from batchyard.models.saving.model_file import save_model
from batchyard.models.saving.weight_conversion import preprocess_weights_for_loading
from batchyard.models.saving.weights import read_weights, read_weights_by_name, write_weights

__all__ = [
    "load_attributes_from_hdf5_group",
    "load_weights_from_hdf5_group",
    "load_weights_from_hdf5_group_by_name",
    "pickle_model",
    "preprocess_weights_for_loading",
    "save_attributes_to_hdf5_group",
    "save_weights_to_hdf5_group",
    "unpickle_model",
]


def save_attributes_to_hdf5_group(group: h5py.Group, name: str, data: Sequence[Any]) -> None:
    """Writes a list of texts into an attribute, or several where it is too long for one.

    Args:
        group: that gets the attribute.
        name: of the attribute.
        data: texts or bytes.
    """
    write_names(group, name, [one.decode() if isinstance(one, bytes) else str(one) for one in data])


def load_attributes_from_hdf5_group(group: h5py.Group, name: str) -> list[str]:
    """Returns the list of texts that `save_attributes_to_hdf5_group` wrote; [] where there is none.

    Args:
        group: that has the attribute.
        name: of the attribute.
    """
    return read_names(group, name) or []


def save_weights_to_hdf5_group(f: h5py.Group, layers: Sequence[Any]) -> None:
    """Writes the weights of layers into an empty group."""
    write_weights(f, layers)


def load_weights_from_hdf5_group(f: h5py.Group, layers: Sequence[Any], reshape: bool = False) -> None:
    """Sets the weights of layers from a group, matched by their order.

    Args:
        f: the group.
        layers: all layers of the model that wrote it.
        reshape: whether kernels of as many numbers are given the layers' shapes.
    """
    read_weights(f, layers, reshape)


def load_weights_from_hdf5_group_by_name(
    f: h5py.Group, layers: Sequence[Any], skip_mismatch: bool = False, reshape: bool = False
) -> None:
    """Sets the weights of those layers that a group has by name.

    Args:
        f: the group.
        layers: that may be set.
        skip_mismatch: whether layers whose weights have other shapes are left alone, with a warning.
        reshape: whether kernels of as many numbers are given the layers' shapes.
    """
    read_weights_by_name(f, layers, skip_mismatch, reshape)


def pickle_model(model: Any) -> Mapping[str, Any]:
    """Returns what `unpickle_model` makes the model from again: a model file in memory."""
    buffer = io.BytesIO()
    save_model(model, buffer)
    return {"file": buffer.getvalue(), "compiled": model.is_compiled}


def unpickle_model(state: Mapping[str, Any]) -> Any:
    """Makes a model of what `pickle_model` returned."""
    return load_model(io.BytesIO(state["file"]), compile=state["compiled"])
