"""Masks that end where a layer does not pass them on: tf.keras and Keras 3 say nothing there.

Keras 2.2 refuses such models, for what the layer computes of masked steps is left open. Here a function that
does nothing but end the mask is put before the layer, so that it computes what it did there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from batchyard.models.saving.foreign.calls import Call
from batchyard.models.saving.foreign.references import Reference, references

__all__ = ["end_masks", "end_masks_of_chain"]

#: Layers that put out no mask, whatever they are given.
_LAST = ("GlobalAveragePooling1D", "Lambda", "NamedOperation")
_NETWORKS = ("Model", "Sequential")


def end_masks_of_chain(layers: Sequence[dict[str, Any]], masked: bool) -> list[dict[str, Any]]:
    """Returns the layers of a Sequential, with functions that end masks between them.

    Args:
        layers: in the spelling of Keras 2.2.4.
        masked: whether the input may have a mask.
    """
    found: list[dict[str, Any]] = []
    for layer in layers:
        if masked and not _takes_masks(layer):
            found.append(_end_of_mask(f"{_name_of(layer)}_without_mask"))
            masked = False
        masked = _gives_mask(layer, masked)
        found.append(layer)
    return found


def end_masks(
    layers: Sequence[dict[str, Any]], calls: Mapping[str, list[Call]], masked: bool
) -> list[dict[str, Any]]:
    """Returns functions that end masks in a graph, and lets the layers behind take what they put out.

    Args:
        layers: in the spelling of Keras 2.2.4.
        calls: of each, by name; changed in place.
        masked: whether the inputs may have masks.
    """
    by_name = {layer["name"]: layer for layer in layers}
    has_mask: dict[str, bool] = {}
    found: list[dict[str, Any]] = []
    for name in _in_order(by_name, calls):
        layer = by_name[name]
        if layer["class_name"] == "InputLayer":
            has_mask[name] = masked
            continue
        inputs = [one for call in calls[name] for one in references([call.args, call.kwargs])]
        ended = [one for one in dict.fromkeys(inputs) if one.place == 0 and has_mask.get(one.layer)]
        has_mask[name] = bool(ended)
        if ended and not _takes_masks(layer):
            end = f"{name}_without_mask"
            nodes = [[[*one, {}]] for one in ended]
            found.append({**_end_of_mask(end), "name": end, "inbound_nodes": nodes})
            replaced = {one: Reference(end, number, 0) for number, one in enumerate(ended)}
            for call in calls[name]:
                call.args, call.kwargs = _with(call.args, replaced), _with(call.kwargs, replaced)
            has_mask[name] = False
        has_mask[name] = _gives_mask(layer, has_mask[name])
    return found


def _with(value: Any, replaced: Mapping[Reference, Reference]) -> Any:
    """Returns a value with other tensors within."""
    if isinstance(value, Reference):
        return replaced.get(value, value)
    if isinstance(value, list | tuple):
        return [_with(item, replaced) for item in value]
    if isinstance(value, Mapping):
        return {key: _with(item, replaced) for key, item in value.items()}
    return value


def _in_order(layers: Mapping[str, Any], calls: Mapping[str, list[Call]]) -> list[str]:
    """Returns the names such that each stands behind those that it needs."""
    found: dict[str, None] = {}
    waiting = list(reversed(list(layers)))
    open_: set[str] = set()
    while waiting:
        name = waiting[-1]
        needed = [one.layer for call in calls[name] for one in references([call.args, call.kwargs])]
        missing = [one for one in needed if one not in found and one in layers]
        if missing and name not in open_:
            open_.add(name)
            waiting += missing
            continue
        found.setdefault(waiting.pop())
    return list(found)


def _end_of_mask(name: str) -> dict[str, Any]:
    """Returns the description of a function that ends a mask."""
    config = {"name": name, "operation": "identity", "args": [{"input": 0}], "kwargs": {}}
    return {"class_name": "NamedOperation", "config": config}


def _name_of(layer: Mapping[str, Any]) -> str:
    return str(layer.get("name") or layer["config"].get("name"))


def _made(layer: Mapping[str, Any]) -> Any:
    """Returns a layer without weights of that description."""
    from batchyard.models.layers.registry import deserialize

    return deserialize({"class_name": layer["class_name"], "config": layer["config"]})


def _takes_masks(layer: Mapping[str, Any]) -> bool:
    """Whether a layer does not refuse masks."""
    from batchyard.models.engine.layer import Layer

    if layer["class_name"] in (*_LAST, *_NETWORKS, "InputLayer"):
        return True
    made = _made(layer)
    return bool(made.supports_masking) or type(made).compute_mask is not Layer.compute_mask


def _gives_mask(layer: Mapping[str, Any], masked: bool) -> bool:
    """Whether a layer's output has a mask, if its input has one or not."""
    config = layer["config"]
    if layer["class_name"] == "Masking" or (isinstance(config, Mapping) and config.get("mask_zero")):
        return True
    if not masked or layer["class_name"] in _LAST:
        return False
    inner = config.get("layer") if isinstance(config, Mapping) else None
    arguments = inner.get("config", {}) if isinstance(inner, Mapping) else config
    if layer["class_name"] == "Bidirectional" or "return_sequences" in arguments:
        return bool(arguments.get("return_sequences"))
    return True
