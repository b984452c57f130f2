"""What `keras.engine.saving` offers beyond loading and saving: weights between layers and HDF5 groups."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from batchyard.models.errors import ModelFileError, ShapeError
from batchyard.models.saving.attributes import read_names, read_text, write_names
from batchyard.models.saving.guarded_reading import find_dataset, find_group
from batchyard.models.saving.keras_1_weights import convert_keras_1_weights
from batchyard.models.saving.model_file import load_model, save_model
from batchyard.models.saving.rnn_conversion import convert_rnn_weights
from batchyard.models.saving.weights import read_weights, read_weights_by_name, write_weights
from batchyard.models.utils.convert_kernels import convert_kernel

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

Array = NDArray[Any]

#: Layers with a kernel that Theano keeps turned by half a turn.
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D")


def preprocess_weights_for_loading(
    layer: Any,
    weights: Sequence[Array],
    original_keras_version: str | None = None,
    original_backend: str | None = None,
    reshape: bool = False,
) -> list[Array]:
    """Returns weights as a layer wants them, from the layout that another version or backend gave them.

    Args:
        layer: that is to have them; wrappers and models are entered.
        weights: arrays in the order of `layer.weights`.
        original_keras_version: "1" for weights that Keras 1 wrote.
        original_backend: "theano" for kernels turned by half a turn.
        reshape: whether a kernel of as many numbers is given the layer's shape.

    Raises:
        ShapeError: if the weights cannot become this layer's.
    """
    given = [np.asarray(weight) for weight in weights]
    version, backend = original_keras_version, original_backend
    kind = type(layer).__name__
    if kind == "Bidirectional":
        half = len(given) // 2
        return [
            *preprocess_weights_for_loading(layer.forward_layer, given[:half], version, backend),
            *preprocess_weights_for_loading(layer.backward_layer, given[half:], version, backend),
        ]
    if kind == "TimeDistributed":
        return preprocess_weights_for_loading(layer.layer, given, version, backend)
    if hasattr(layer, "layers") and hasattr(layer, "outputs"):
        return _of_model(layer, given, version, backend)
    if version == "1":
        given = convert_keras_1_weights(layer, given)
    if kind in _CONVOLUTIONS and given:
        kernels = 2 if kind == "ConvLSTM2D" else 1
        if backend == "theano":
            given[:kernels] = [convert_kernel(kernel) for kernel in given[:kernels]]
        given[:kernels] = _fitted(layer, given[:kernels], reshape)
    return convert_rnn_weights(given, kind, bool(getattr(layer, "reset_after", False)))


def _of_model(model: Any, weights: list[Array], version: str | None, backend: str | None) -> list[Array]:
    """Converts the weights of a model: all trainable ones come first, then the others."""
    converted: list[Array] = []
    at = 0
    for part in ("trainable_weights", "non_trainable_weights"):
        for layer in model.layers:
            count = len(getattr(layer, part))
            if count:
                own = weights[at : at + count]
                converted += preprocess_weights_for_loading(layer, own, version, backend)
                at += count
    return converted


def _fitted(layer: Any, kernels: list[Array], reshape: bool) -> list[Array]:
    """Gives kernels the shapes of the layer's weights, where it has some and they differ."""
    shapes = [tuple(weight.shape) for weight in layer.weights[: len(kernels)]]
    if not shapes or kernels[0].shape == shapes[0]:
        return kernels
    if reshape:
        if kernels[0].size != np.prod(shapes[0]):
            raise ShapeError(
                f"The kernel of layer {layer.name} has the shape {shapes[0]}, and the array for it "
                f"{kernels[0].shape}: reshape=True needs as many numbers."
            )
        return [kernels[0].reshape(shapes[0]), *kernels[1:]]
    if kernels[0].ndim != 4:
        return kernels  # `set_weights` tells which shapes do not fit
    return [np.transpose(kernel, (3, 2, 0, 1)) for kernel in kernels]


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
    if not reshape:
        read_weights(f, layers)
        return
    saved = [name for name in _layer_names(f) if read_names(find_group(f, name), "weight_names")]
    wanted = [layer for layer in layers if layer.weights]
    if len(saved) != len(wanted):
        raise ModelFileError(f"Expected the weights of {len(wanted)} layers, found those of {len(saved)}.")
    _set_reshaped(f, list(zip(saved, wanted, strict=True)))


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
    if not reshape:
        read_weights_by_name(f, layers, skip_mismatch)
        return
    _set_reshaped(f, [(name, one) for name in _layer_names(f) for one in layers if one.name == name])


def _layer_names(group: h5py.Group) -> list[str]:
    return read_names(group, "layer_names") or []


def _set_reshaped(group: h5py.Group, pairs: Sequence[tuple[str, Any]]) -> None:
    version, backend = read_text(group, "keras_version"), read_text(group, "backend")
    found = []
    for name, layer in pairs:
        own = find_group(group, name)
        arrays = [np.asarray(find_dataset(own, one)) for one in read_names(own, "weight_names") or []]
        found.append((layer, preprocess_weights_for_loading(layer, arrays, version, backend, reshape=True)))
    for layer, arrays in found:
        layer.set_weights(arrays)


def pickle_model(model: Any) -> Mapping[str, Any]:
    """Returns what `unpickle_model` makes the model from again: a model file in memory."""
    buffer = io.BytesIO()
    save_model(model, buffer)
    return {"file": buffer.getvalue(), "compiled": model.is_compiled}


def unpickle_model(state: Mapping[str, Any]) -> Any:
    """Makes a model of what `pickle_model` returned."""
    return load_model(io.BytesIO(state["file"]), compile=state["compiled"])
