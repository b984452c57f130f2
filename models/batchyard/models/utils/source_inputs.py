"""The inputs that a symbolic tensor follows from."""

from __future__ import annotations

from typing import Any

__all__ = ["get_source_inputs"]


def get_source_inputs(tensor: Any, layer: Any = None, node_index: int | None = None) -> list[Any]:
    """Returns the model inputs from which a symbolic tensor follows, each once, in the order of the calls.

    Args:
        tensor: symbolic.
        layer: the layer it comes from; found out by default.
        node_index: which call of that layer; found out by default.

    Source: Keras 2.2.4, `utils.get_source_inputs`.
    """
    history = getattr(tensor, "_keras_history", None)
    if history is None:
        return [tensor]
    if layer is None or node_index is None:
        layer, node_index = history[0], history[1]
    found: dict[int, Any] = {}
    waiting, seen = [layer._inbound_nodes[node_index]], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.is_entry:
            found.update({id(source): source for source in node.output_tensors})
        for before in reversed(node.sources):
            origin = before._keras_history
            waiting.append(origin[0]._inbound_nodes[origin[1]])
    return list(found.values())
