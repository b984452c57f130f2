"""The weights of a model as Keras 3 lays them out, in either of its two ways.

In `.h5` files a group for each layer, by name; in `.weights.h5` the tree of objects, named after classes:
`layers/dense_1/vars/0`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from batchyard.models.engine.layer import Layer
from batchyard.models.saving.attributes import write_names, write_text
from batchyard.models.saving.for_keras_3.hard_sigmoid import scaled_weights
from batchyard.models.saving.for_keras_3.layers import class_name_of, is_network
from batchyard.models.saving.for_keras_3.operations import is_operation
from batchyard.models.saving.for_keras_3.versions import KERAS_3_VERSION
from batchyard.models.saving.rnn_conversion import convert_rnn_weights
from batchyard.models.saving.versions import BACKEND
from batchyard.models.saving.weights import to_array, write_arrays

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

#: Layers without a cell, which are mapped to layers with one.
_CUDNN = ("CuDNNGRU", "CuDNNLSTM")

#: Classes that are registered there under another name than their own.
_CLASSES = {"GroupQueryAttention": "GroupedQueryAttention"}

__all__ = ["inner_layers", "is_cudnn", "write_layer_groups", "write_tree", "write_variables"]


def write_layer_groups(group: h5py.Group, model: Model) -> None:
    """Write one group a layer, as `.h5` files have them."""
    layers = [layer for layer in model.layers if not is_operation(layer)]
    write_names(group, "layer_names", [layer.name for layer in layers])
    write_text(group, "backend", BACKEND)
    write_text(group, "keras_version", KERAS_3_VERSION)
    for layer in layers:
        named = list(_named_arrays(layer, f"{model.name}/{layer.name}"))
        write_arrays(
            group.create_group(layer.name), [name for name, _ in named], [array for _, array in named]
        )
    write_arrays(group.create_group("top_level_model_weights"), [], [])


def write_tree(group: h5py.Group, layer: Any, name: str | None = None) -> None:
    """Write the tree of a model's or layer's parts, as `.weights.h5` has it.

    Args:
        group: empty.
        layer: what to write.
        name: of the object there, if it is another.
    """
    variables = group.create_group("vars")
    variables.attrs["name"] = name or layer.name
    parts = list(_parts(layer))
    if is_cudnn(layer):
        # there it is a recurrent layer with a cell, which has the weights
        variables = group.create_group("cell").create_group("vars")
        variables.attrs["name"] = "cell"
    for number, array in enumerate(_own_arrays(layer) if parts else arrays_of(layer)):
        variables.create_dataset(str(number), data=array, track_times=False)
    for path, part in parts:
        write_tree(group.create_group(path), part)


def inner_layers(layer: Any) -> Iterator[Any]:
    """Yield a layer and all layers and cells within it."""
    yield layer
    for _, part in _parts(layer):
        yield from inner_layers(part)


def is_cudnn(layer: Any) -> bool:
    """Whether a layer is one of those that Keras 3 has under the names LSTM and GRU only."""
    return type(layer).__name__ in _CUDNN


def arrays_of(layer: Layer) -> list[NDArray[Any]]:
    """Return the weights of a layer that has no layers within, as Keras 3's layer of that kind has them."""
    arrays = scaled_weights(layer, [to_array(weight) for weight in layer.weights])
    if is_cudnn(layer):
        return convert_rnn_weights(arrays, class_name_of(layer), reset_after=True)
    return arrays


def _own_arrays(layer: Layer) -> list[NDArray[Any]]:
    """Return the weights of a layer without those of the layers within."""
    return [to_array(weight) for weight in layer._own_weights()]


def _named_arrays(layer: Any, prefix: str) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the weights of a layer, those of all within it too: first the trainable ones, then the others."""
    found: list[tuple[bool, str, NDArray[Any]]] = []
    seen: set[int] = set()
    for part in inner_layers(layer):
        holds = bool(list(_parts(part)))
        trained = {id(weight) for weight in part.trainable_weights}
        weights, arrays = (
            (part._own_weights(), _own_arrays(part)) if holds else (part.weights, arrays_of(part))
        )
        for weight, array in zip(weights, arrays, strict=True):
            if id(weight) not in seen:
                seen.add(id(weight))
                found.append((id(weight) in trained, weight.keras_name.removesuffix(":0"), array))
    names: set[str] = set()
    frozen = not layer.trainable
    for wanted in (True, False):
        for is_trained, name, array in found:
            if (is_trained and not frozen) is not wanted:
                continue
            path, number = f"{prefix}/{name.rsplit('/', 1)[-1]}", 0
            unique = path
            while unique in names:
                number += 1
                unique = f"{path}_{number}"
            names.add(unique)
            yield unique, array


def _parts(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yield the layers within a layer, each with the path at which Keras 3 keeps it."""
    if is_network(layer):
        parts = [*_input_layers(layer), *layer.layers]
        yield from _numbered("layers", [part for part in parts if not is_operation(part)])
    elif hasattr(layer, "forward_layer"):
        yield "forward_layer", layer.forward_layer
        yield "backward_layer", layer.backward_layer
    elif hasattr(layer, "cells"):
        yield from _numbered("cells", layer.cells)
    elif isinstance(getattr(layer, "cell", None), Layer):
        yield "cell", layer.cell
    elif isinstance(getattr(layer, "layer", None), type(layer).__mro__[-2]) and hasattr(
        layer.layer, "weights"
    ):
        yield "layer", layer.layer
    else:
        private = "_" if type(layer).__name__ == "GroupQueryAttention" else ""
        for name, part in layer._modules.items():
            if isinstance(part, Layer) and part.weights:
                yield private + name, part


def _input_layers(model: Any) -> list[Any]:
    """Return the InputLayer of a Sequential, which isn't among its layers."""
    first = model.inputs[0]._keras_history.layer
    return [] if first in model.layers else [first]


def _numbered(path: str, layers: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield layers by Keras 3's names in a list: those of their classes, numbered from the second."""
    counts: dict[str, int] = {}
    for layer in layers:
        class_name = class_name_of(layer)
        name = _snake_case(_CLASSES.get(class_name, class_name))
        count = counts.get(name, 0)
        counts[name] = count + 1
        yield f"{path}/{name}_{count}" if count else f"{path}/{name}", layer


def _snake_case(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def write_variables(group: h5py.Group, name: str, arrays: list[NDArray[Any]]) -> None:
    """Write an object that has nothing but numbers: the optimizer."""
    variables = group.create_group("vars")
    variables.attrs["name"] = name
    for number, array in enumerate(arrays):
        variables.create_dataset(str(number), data=np.asarray(array), track_times=False)
