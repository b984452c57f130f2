"""A model of Keras 2.2.4's own classes that computes what another does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from batchyard.models.errors import NotSerializableError
from batchyard.models.initializers.replaced_values import replaced_values
from batchyard.models.saving.config import describe_model, model_from_config
from batchyard.models.saving.for_keras_2.differences import differences, refuse_differences
from batchyard.models.saving.for_keras_2.networks import describe, is_network, keeps_states
from batchyard.models.saving.foreign.producer import KERAS_2, Producer
from batchyard.models.saving.hard_sigmoid_folding import folded_argument, is_folded, scaled_weights
from batchyard.models.saving.weights import to_array

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.model import Model

__all__ = ["Converted", "convert_for_keras_2"]

#: What weights are multiplied by, so that 0.2 x + 0.5 of them is x / 6 + 0.5.
_FACTOR = 1.0 / 1.2


class Converted(NamedTuple):
    """A model as Keras 2.2.4 has it.

    Attributes:
        model: of its classes, with all weights; not compiled.
        keeps_weights: whether trained weights are the same, so that the optimizer's state fits.
    """

    model: Model
    keeps_weights: bool


def convert_for_keras_2(model: Model) -> Converted:
    """Return a model of Keras 2.2.4's classes that predicts the same numbers; the model itself if it is one.

    Raises:
        NotSerializableError: where Keras 2.2.4 has nothing that computes the same; layer, class and argument
            are named.
    """
    config = describe_model(model)
    if not differences(config, None):
        return Converted(model, keeps_weights=True)
    with replaced_values():  # of the layers that are made to be described
        described = describe(model)
    refuse_differences(model, differences(described, None))
    _warn_of_masks(model)
    classes = {type(layer).__name__: type(layer) for layer in _all_layers(model) if _is_of_user(layer)}
    with replaced_values():
        made = model_from_config(described, classes, Producer(KERAS_2))
    with torch.no_grad():
        _copy(model, made)
    folded = [layer.name for layer in _all_layers(model) if _is_folded(layer)]
    if folded:
        warnings.warn(
            f"{', '.join(folded[:6])}{', ...' if len(folded) > 6 else ''} computes gates by Keras 3's "
            "hard_sigmoid, x/6 + 0.5, which is 0.2 x + 0.5 in Keras 2.2.4. The weights before it are written "
            "smaller by 1.2, so predictions are equal; training goes on a little differently there, with a "
            "fresh optimizer.",
            UserWarning,
            stacklevel=5,
        )
    return Converted(made, keeps_weights=not folded)


def _is_of_user(layer: Layer) -> bool:
    return not type(layer).__module__.startswith("batchyard.models.")


def _is_folded(layer: Any) -> bool:
    from batchyard.models.activations.later import hard_sigmoid_of_keras_3

    return is_folded(layer, hard_sigmoid_of_keras_3) and keeps_states(layer)


def _all_layers(layer: Any) -> Iterator[Any]:
    """Yield a layer, and all within it; of a recurrent layer with a cell of its own kind, the layer alone."""
    yield layer
    for part in _parts(layer):
        yield from _all_layers(part)


def _parts(layer: Any) -> list[Any]:
    if is_network(layer):
        return list(layer.layers)
    if hasattr(layer, "forward_layer"):
        return [layer.forward_layer, layer.backward_layer]
    if hasattr(layer, "cells"):
        return list(layer.cells)
    if folded_argument(layer) is None and hasattr(layer, "cell"):
        return [layer.cell]
    return [layer.layer] if hasattr(layer, "layer") and hasattr(layer.layer, "weights") else []


def _copy(source: Any, made: Any) -> None:
    """Give what was made of a layer the layer's weights."""
    if is_network(source):
        layers = {layer.name: layer for layer in made.layers}
        for layer in source.layers:
            _copy(layer, layers[layer.name])
        return
    if is_network(made):  # an expression: the layer without its activation, and what takes its place
        if source.weights:
            _copy(source, next(layer for layer in made.layers if layer.name == source.name))
        return
    parts = _parts(source)
    for one, other in zip(parts, _parts(made), strict=True):
        _copy(one, other)
    if parts or not source.weights:
        return
    arrays = [to_array(weight) for weight in source.weights]
    if _is_folded(source):
        arrays = scaled_weights(source, arrays, _FACTOR)
    if [array.shape for array in arrays] != [tuple(weight.shape) for weight in made.weights]:
        raise NotSerializableError(
            f"Layer {source.name!r} of class {type(source).__name__} can't be written for Keras 2.2.4: its "
            f"weights don't fit what it becomes. Leave target='keras2' out."
        )
    for weight, array in zip(made.weights, arrays, strict=True):
        weight.copy_(torch.from_numpy(array))


def _warn_of_masks(model: Model) -> None:
    names = [layer.name for layer in _all_layers(model) if getattr(layer, "zero_output_for_mask", False)]
    if names:
        warnings.warn(
            f"{', '.join(dict.fromkeys(names))} gives zeros at masked steps, and in Keras 2.2.4 what the "
            "step before gave. All other steps are equal; where later layers take no masks (Flatten, "
            "GlobalMaxPooling1D), their output differs.",
            UserWarning,
            stacklevel=5,
        )
