"""Graphs of layers as configurations, in Keras 2.2.4's layout, and back."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from batchyard.models.engine.symbolic import Node, SymbolicTensor, unpack_singleton
from batchyard.models.errors import GraphError, InvalidArgumentError, NotSerializableError

if TYPE_CHECKING:
    from batchyard.models.engine.graph import Graph
    from batchyard.models.engine.layer import Layer

__all__ = ["network_config", "network_from_config"]


def network_config(name: str, graph: Graph) -> dict[str, Any]:
    """Describes a graph.

    Args:
        name: of the network.
        graph: its layers and nodes.
    """
    numbers = _numbers(graph)

    def origin(tensor: SymbolicTensor) -> list[Any]:
        layer, node_index, tensor_index = tensor._keras_history
        return [layer.name, numbers[layer._inbound_nodes[node_index]], tensor_index]

    layers = []
    for layer in graph.layers:
        calls = [
            [[*origin(tensor), _arguments(node)] for tensor in node.sources]
            for node in layer._inbound_nodes
            if node in numbers and node.sources
        ]
        layers.append(
            {
                "name": layer.name,
                "class_name": type(layer).__name__,
                "config": layer.get_config(),
                "inbound_nodes": calls,
            }
        )
    return {
        "name": name,
        "layers": layers,
        "input_layers": [origin(tensor) for tensor in graph.inputs],
        "output_layers": [origin(tensor) for tensor in graph.outputs],
    }


def network_from_config(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None
) -> tuple[list[SymbolicTensor], list[SymbolicTensor], str | None]:
    """Makes the layers and connects them.

    Args:
        config: what `network_config` returned.
        custom_objects: further names of layers and functions.

    Returns:
        inputs, outputs and name of the network.

    Raises:
        GraphError: if a connection refers to a layer or call that is not there.
    """
    from batchyard.models.layers.registry import deserialize

    for key in ("layers", "input_layers", "output_layers"):
        if key not in config:
            raise InvalidArgumentError(
                f"The configuration of a model needs the key {key!r}. Received the keys {sorted(config)}."
            )
    layers: dict[str, Layer] = {}
    waiting: list[tuple[Layer, list[Any]]] = []
    # Where the calls of a layer begin among its nodes: a nested network has a node of its own first.
    begin: dict[str, int] = {}
    for data in config["layers"]:
        layer = deserialize(data, custom_objects)
        name = data.get("name") or layer.name
        layers[name] = layer
        begin[name] = len(layer._inbound_nodes)
        waiting += [(layer, call) for call in data.get("inbound_nodes") or []]

    def find(name: str, node_index: int, tensor_index: int) -> SymbolicTensor | None:
        if name not in layers:
            raise GraphError(f"The model's configuration connects layer {name!r}, which it does not contain.")
        nodes = layers[name]._inbound_nodes
        return nodes[node_index].output_tensors[tensor_index] if node_index < len(nodes) else None

    _make_calls(waiting, layers, find)

    def ends(key: str) -> list[SymbolicTensor]:
        triples = config[key]
        if triples and not isinstance(triples[0], list | tuple):
            triples = [triples]
        found = []
        for name, node_index, tensor_index in triples:
            tensor = find(name, node_index, tensor_index)
            if tensor is None:
                raise GraphError(
                    f"{key} of the model's configuration refers to call {node_index} of {name!r}."
                )
            found.append(tensor)
        return found

    return ends("input_layers"), ends("output_layers"), config.get("name")


def _make_calls(
    calls: list[tuple[Layer, list[Any]]],
    layers: Mapping[str, Layer],
    find: Callable[[str, int, int], SymbolicTensor | None],
) -> None:
    """Calls layers in the order of a list, from its beginning again and again, when inputs are there.

    Args:
        calls: layers with the origins of their inputs; those of one layer are made in their order.
        layers: by name.
        find: returns the tensor of a name, a call and a place; None while it is not there.

    Raises:
        GraphError: if the inputs of some are never there.
    """
    # Each call waits for tensors, by layer and number, and for the call of its layer before it.
    needed: dict[tuple[int, int], list[int]] = {}
    missing, last, following = [0] * len(calls), dict[int, int](), dict[int, int]()
    for place, (layer, call) in enumerate(calls):
        absent = {(id(layers[item[0]]), item[1]) for item in call if find(item[0], item[1], item[2]) is None}
        for origin in absent:
            needed.setdefault(origin, []).append(place)
        missing[place] = len(absent)
        if id(layer) in last:
            following[last[id(layer)]] = place
            missing[place] += 1
        last[id(layer)] = place
    ready = [place for place, count in enumerate(missing) if not count]
    made, later = set[int](), list[int]()
    while ready:
        place = heapq.heappop(ready)
        layer, call = calls[place]
        origins = [find(item[0], item[1], item[2]) for item in call]
        arguments: dict[str, Any] = next((item[3] for item in call if len(item) > 3 and item[3]), {})
        before = len(layer._inbound_nodes)
        layer(unpack_singleton(origins), **arguments)
        made.add(place)
        woken = [following[place]] if place in following else []
        for number in range(before, len(layer._inbound_nodes)):
            woken += needed.pop((id(layer), number), [])
        for one in woken:
            missing[one] -= 1
            if not missing[one] and one > place:
                heapq.heappush(ready, one)
            elif not missing[one]:
                later.append(one)
        if not ready:  # and again from the beginning
            ready, later = sorted(later), []
    if len(made) < len(calls):
        names = sorted({layer.name for place, (layer, _) in enumerate(calls) if place not in made})
        raise GraphError(
            f"The model's configuration is not connected: the inputs of {', '.join(names)} are missing."
        )


def _numbers(graph: Graph) -> dict[Node, int]:
    """Numbers the calls of each layer within this graph; those of nested networks begin at 1."""
    kept = set(graph.nodes)
    numbers = {}
    for layer in graph.layers:
        number = 1 if hasattr(layer, "layers") and hasattr(layer, "inputs") else 0
        for node in layer._inbound_nodes:
            if node in kept:
                numbers[node] = number
                number += 1
    return numbers


def _arguments(node: Node) -> dict[str, Any]:
    if len(node.sources) > node.positional:
        raise NotSerializableError(
            f"Layer {node.outbound_layer.name} was called with symbolic tensors besides its input (in "
            "keyword arguments, or by a function that uses them from outside), which a file can't hold. "
            "Pass all of them as one list: layer([x, other])."
        )
    try:
        json.dumps(node.arguments)
    except TypeError:
        raise NotSerializableError(
            f"Layer {node.outbound_layer.name} was called with arguments that are not JSON and cannot be "
            f"saved: {node.arguments}. Use numbers, text, True, False, None, and lists of such."
        ) from None
    return dict(node.arguments)
