"""Weights as Keras 3 keeps them (`.weights.h5`, and within archives): a tree of groups.

The layers of a network lie in its group `layers`, under the names of their classes, counted: `dense`,
`dense_1`, …; a layer within a layer under the name of the attribute that holds it. The weights of each
are `vars/0`, `vars/1`, ….
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import h5py
import torch

from batchyard.models.errors import ModelFileError, ShapeError
from batchyard.models.saving.attributes import read_text
from batchyard.models.saving.foreign.objects import plain_class_name
from batchyard.models.saving.guarded_reading import damage_refused, find, find_dataset, find_group, read_array
from batchyard.models.saving.stored_sizes import expect_plausible

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.model import Model

__all__ = [
    "count_numbers",
    "described_layers",
    "group_keys",
    "is_checkpoint",
    "optimizer_arrays",
    "read_checkpoint",
]

#: Where the layers of a network lie; the second name is that of tf.keras 2.12.
_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
#: Classes of this library whose name is another one in Keras 3.
_NAMES = {"GroupQueryAttention": "GroupedQueryAttention", "Model": "Functional"}
_DEPTH_LIMIT = 64
_GROUP_LIMIT = 1_000_000

Assignment = tuple[Any, h5py.Dataset]


def is_checkpoint(file: h5py.Group) -> bool:
    """Whether a file holds weights in this layout."""
    return any(isinstance(find(file, name), h5py.Group) for name in _CONTAINERS)


def count_numbers(file: h5py.Group, name: str, size: int) -> int:
    """Returns how many numbers the arrays of a file have, going by their headers.

    Args:
        file: the weights.
        name: of the archive, for messages.
        size: of the archive, in bytes.

    Raises:
        ModelFileError: where the file is damaged, links to another, or claims more than is plausible.
    """
    return expect_plausible(_arrays(file), name, size)


def _arrays(file: h5py.Group) -> Iterator[h5py.Dataset]:
    groups = 0
    waiting = [(file, 0)]
    while waiting:
        group, depth = waiting.pop()
        groups += 1
        if groups > _GROUP_LIMIT or depth > _DEPTH_LIMIT:
            raise ModelFileError(
                f"{file.file.filename} has groups nested deeper than {_DEPTH_LIMIT}, or more than "
                f"{_GROUP_LIMIT} of them. The file is damaged."
            )
        with damage_refused(group, ""):
            names = list(group)
        for name in names:
            found = find(group, name)
            if isinstance(found, h5py.Group):
                waiting.append((found, depth + 1))
            elif isinstance(found, h5py.Dataset):
                yield find_dataset(group, name)


def read_checkpoint(
    file: h5py.Group, model: Model, config: Any, by_name: bool = False, skip_mismatch: bool = False
) -> None:
    """Sets the weights of a model.

    No weight is changed unless all fit.

    Args:
        file: what to read.
        model: that is built.
        config: class and configuration of the model that wrote it; None if that is not known.
        by_name: whether only the layers whose names are in the file are set.
        skip_mismatch: with `by_name`, whether layers with other weights are left alone, with a warning.

    Raises:
        ModelFileError: where the file is damaged, or belongs to another model.
    """
    assignments: list[Assignment] = []
    for layer, group, described in _pairs(file, model, config, by_name):
        try:
            assignments += _of_layer(group, layer, described)
        except ShapeError as error:
            if not skip_mismatch:
                raise ModelFileError(
                    f"{group.name} in {file.file.filename} doesn't fit the model's layer {layer.name!r}: "
                    f"{error} The file belongs to another model; by_name=True with skip_mismatch=True "
                    "leaves such layers alone."
                ) from error
            warnings.warn(
                f"Skipping loading the weights of layer {layer.name!r} due to mismatch with those "
                f"saved: {error}",
                UserWarning,
                stacklevel=4,
            )
    if not by_name:
        _expect_all(model, assignments, file)
    arrays = [(weight, read_array(dataset, tuple(weight.shape))) for weight, dataset in assignments]
    with torch.no_grad():
        for weight, array in arrays:
            weight.copy_(torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False)))


def _expect_all(model: Model, assignments: list[Assignment], file: h5py.Group) -> None:
    """Refuses a file that leaves weights as they were made, such as those of layers kept in a list."""
    given = {id(weight) for weight, _ in assignments}
    missing = [weight.keras_name for weight in model.weights if id(weight) not in given]
    if missing:
        raise ModelFileError(
            f"Expected all weights of {model.name!r} in {file.file.filename}, found none for "
            f"{', '.join(missing[:6])}{', ...' if len(missing) > 6 else ''}. A layer that holds layers has "
            "to hold each as an attribute of its own; by_name=True loads what is there."
        )


def optimizer_arrays(file: h5py.Group) -> list[h5py.Dataset]:
    """Returns the arrays of the optimizer's state, in their order; none if there is no state."""
    group = find(file, "optimizer/vars")
    if not isinstance(group, h5py.Group):
        return []
    with damage_refused(group, "vars"):
        count = len(group)
    return [find_dataset(group, str(number)) for number in range(count)]


def _pairs(
    group: h5py.Group, network: Any, config: Any, by_name: bool = False
) -> Iterator[tuple[Layer, h5py.Group, Any]]:
    """Yields the layers of a network, each with its group and its description in the file."""
    container = next((name for name in _CONTAINERS if isinstance(find(group, name), h5py.Group)), None)
    if container is None:
        if any(layer.weights for layer in network.layers):
            raise ModelFileError(
                f"Expected the group 'layers' at {group.name!r} in {group.file.filename}, found none. The "
                f"file holds no weights of {network.name!r}."
            )
        return
    found = find_group(group, container)
    described = described_layers(config)
    own = {layer.name: layer for layer in network.layers}
    if described is not None and {name for name, _, _ in described} & set(own):
        for (name, _, inner), key in zip(
            described, group_keys([kind for _, kind, _ in described]), strict=True
        ):
            if name in own and find(found, key) is not None:
                yield own.pop(name), find_group(found, key), inner
        left = [layer for layer in own.values() if layer.weights]
    else:
        left = []
        named = _by_saved_name(found)
        layers = list(network.layers)
        if by_name or {layer.name for layer in layers if layer.weights} <= set(named):
            for layer in layers:
                if layer.name in named:
                    yield layer, named[layer.name], None
        else:
            keys = group_keys([_class_name(layer) for layer in layers])
            for layer, key in zip(layers, keys, strict=True):
                if find(found, key) is not None:
                    yield layer, find_group(found, key), None
                elif layer.weights:
                    left.append(layer)
    if left and not by_name:
        raise ModelFileError(
            f"Expected weights of the layers {', '.join(repr(layer.name) for layer in left[:6])} in "
            f"{group.name!r} in {group.file.filename}, found none. The file belongs to another model; "
            "by_name=True loads only the layers whose names match."
        )


def _of_layer(group: h5py.Group, layer: Any, described: Any) -> Iterator[Assignment]:
    """Yields the weights of a layer and of those within it, with their arrays."""
    if hasattr(layer, "layers") and hasattr(layer, "outputs"):
        for inner, place, config in _pairs(group, layer, described):
            yield from _of_layer(place, inner, config)
        return
    own = layer._own_weights()
    count = 0
    if isinstance(find(group, "vars"), h5py.Group):
        values = find_group(group, "vars")
        with damage_refused(values, ""):
            count = len(values)
    if count < len(own) or (count > len(own) and own):
        raise ShapeError(f"expected {len(own)} weights, found {count}.")
    for number, weight in enumerate(own):
        dataset = find_dataset(group, f"vars/{number}")
        if tuple(dataset.shape) != tuple(weight.shape):
            raise ShapeError(f"expected a weight of the shape {tuple(weight.shape)}, found {dataset.shape}.")
        yield weight, dataset
    inner_config = described.get("config") if isinstance(described, Mapping) else None
    for name, inner in _held(layer):
        place = find(group, name) or find(group, f"_{name}")  # tf.keras keeps some in private attributes
        if isinstance(place, h5py.Group):
            config = inner_config.get(name.split("/")[0]) if isinstance(inner_config, Mapping) else None
            yield from _of_layer(place, inner, config if name == "layer" else None)
        elif inner.weights:
            raise ShapeError(f"expected the group {name!r}, found none.")


def _held(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yields the layers that a layer holds as attributes, with the places of their groups."""
    cells = getattr(layer, "cells", None)
    if isinstance(cells, list | tuple):
        keys = group_keys([_class_name(cell) for cell in cells])
        yield from ((f"cells/{key}", cell) for key, cell in zip(keys, cells, strict=True))
        return
    for name, inner in layer._modules.items():
        if hasattr(inner, "_own_weights"):
            yield name, inner


def described_layers(config: Any) -> list[tuple[str, str, Any]] | None:
    """Returns name, class and description of each layer of a network; None where that is not known."""
    inner = config.get("config") if isinstance(config, Mapping) else None
    layers = inner.get("layers") if isinstance(inner, Mapping) else None
    if not isinstance(layers, list):
        return None
    found = []
    for layer in layers:
        if not isinstance(layer, Mapping):
            return None
        own = layer.get("config")
        name = layer.get("name") or (own.get("name") if isinstance(own, Mapping) else None)
        class_name = plain_class_name(str(layer.get("class_name")))
        found.append((str(name), _NAMES.get(class_name, class_name), layer))
    return found


def _by_saved_name(container: h5py.Group) -> dict[str, h5py.Group]:
    """Returns the groups of layers by the names that Keras 3.13 and later note beside the weights."""
    found = {}
    with damage_refused(container, ""):
        keys = list(container)
    for key in keys:
        values = find(container, f"{key}/vars")
        name = read_text(values, "name") if isinstance(values, h5py.Group) else None
        if name is not None:
            found[name] = find_group(container, key)
    return found


def _class_name(layer: Any) -> str:
    name = type(layer).__name__
    return _NAMES.get(name, name)


def group_keys(class_names: Sequence[str]) -> list[str]:
    """Returns the names of the groups of layers of these classes."""
    counts: dict[str, int] = {}
    keys = []
    for class_name in class_names:
        snake = _snake(class_name)
        number = counts.get(snake, 0)
        counts[snake] = number + 1
        keys.append(f"{snake}_{number}" if number else snake)
    return keys


def _snake(class_name: str) -> str:
    """Returns a name of a class as Keras spells it in files: `Conv2DTranspose` is `conv2d_transpose`."""
    text = re.sub(r"\W+", "", class_name)
    text = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", text)
    return re.sub("([a-z])([A-Z])", r"\1_\2", text).lower()
