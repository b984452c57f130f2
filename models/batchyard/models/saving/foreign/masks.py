"""Masks that Keras 3 writes into its graphs, although the layers make them by themselves.

A model with `Embedding(mask_zero=True)` or `Masking` is written with operations that compute the mask, and
with that mask as an argument of the layers behind. Here masks go from layer to layer again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.saving.foreign.calls import Call
from batchyard.models.saving.foreign.references import references

__all__ = ["without_masks"]

#: What masks are made of.
_MASK_OPERATIONS = {
    "Any",
    "All",
    "BroadcastTo",
    "Concatenate",
    "ExpandDims",
    "LogicalAnd",
    "LogicalOr",
    "NotEqual",
    "OnesLike",
    "Reshape",
    "Cast",
    "ConvertToTensor",
    "Stack",
}


def without_masks(
    layers: list[dict[str, Any]], calls: Mapping[str, list[Call]], outputs: set[str], operations: set[str]
) -> list[dict[str, Any]]:
    """Takes the arguments `mask` from calls, and returns the layers without those that made them.

    Args:
        layers: of the graph.
        calls: of each of them, by name; changed in place.
        outputs: names of layers whose output is the graph's.
        operations: names of those that are operations.

    Raises:
        InvalidArgumentError: where a mask is not what the layers make themselves.
    """
    by_name = {layer["name"]: layer for layer in layers}
    masked = [
        (name, call)
        for name, made in calls.items()
        for call in made
        if "mask" in call.kwargs and by_name[name]["class_name"] != "Softmax"  # a mask is its second input
    ]
    if not masked:
        return layers
    makers = set()
    for layer in layers:
        config = layer.get("config") or {}
        if layer["class_name"] == "Masking" or config.get("mask_zero"):
            makers |= {one.layer for call in calls[layer["name"]] for one in references(call.args)}
    dropped: set[str] = set()
    for name, call in masked:
        _expect_automatic(call.kwargs["mask"], name, by_name, calls, operations, makers, dropped)
    for _, call in masked:
        del call.kwargs["mask"]
    return _pruned(layers, calls, outputs, dropped)


def _expect_automatic(
    mask: Any,
    name: str,
    layers: Mapping[str, dict[str, Any]],
    calls: Mapping[str, list[Call]],
    operations: set[str],
    makers: set[str],
    dropped: set[str],
) -> None:
    waiting = [reference.layer for reference in references(mask)]
    seen: set[str] = set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        if one in makers:
            continue
        if one not in operations or layers[one]["class_name"] not in _MASK_OPERATIONS:
            raise InvalidArgumentError(
                f"Layer {name!r} was called with a mask of its own, made by {one!r}; expected one that "
                "Embedding(mask_zero=True) or Masking makes. Multiply by the mask instead, or put a Masking "
                "layer before it, and write the file again."
            )
        dropped.add(one)
        waiting += [reference.layer for call in calls[one] for reference in references(call.args)]


def _pruned(
    layers: list[dict[str, Any]], calls: Mapping[str, list[Call]], outputs: set[str], dropped: set[str]
) -> list[dict[str, Any]]:
    """Takes out the operations that nothing uses any more."""
    while True:
        used = set(outputs)
        for layer in layers:
            for call in calls[layer["name"]]:
                used |= {one.layer for one in references([call.args, call.kwargs])}
        kept = [layer for layer in layers if layer["name"] in used or layer["name"] not in dropped]
        if len(kept) == len(layers):
            return kept
        layers = kept
