"""From symbolic outputs back to the inputs: which layers there are, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.plan import Plan
from batchyard.models.engine.symbolic import Node, SymbolicTensor
from batchyard.models.errors import GraphError

__all__ = ["Graph"]


class Graph:
    """The layers between inputs and outputs.

    Attributes:
        nodes: in Keras's order: deepest first.
        layers: in Keras's order: deepest first, then in the order in which a walk from the outputs meets
            them.
        plan: how to compute the outputs.
        node_depths: the greatest distance of each node to an output.
        layer_depths: that of each layer's deepest node.

    Args:
        inputs: symbolic tensors of input layers.
        outputs: symbolic tensors.

    Raises:
        GraphError: if an output does not follow from the inputs, or two layers have the same name.
    """

    def __init__(self, inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> None:
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        walked, met = _walk(self.outputs)
        for tensor in self.inputs:
            met.setdefault(tensor._keras_history.layer, len(met))
        node_depth, layer_depth = _depths(walked)
        for tensor in self.inputs:
            history = tensor._keras_history
            node = history.layer._inbound_nodes[history.node_index]
            if node not in node_depth:
                node_depth[node] = 0
                layer_depth.setdefault(history.layer, 0)
                walked.append(node)
        self.node_depths, self.layer_depths = node_depth, layer_depth
        self.layers = sorted(met, key=lambda layer: (-layer_depth[layer], met[layer]))
        place = {layer: number for number, layer in enumerate(self.layers)}
        self.nodes = sorted(
            node_depth, key=lambda node: (-node_depth[node], place[node.outbound_layer], node.index)
        )
        self._check()
        self.plan = Plan(self.nodes, self.inputs, self.outputs)

    def _check(self) -> None:
        available = {id(tensor) for tensor in self.inputs}
        for node in self.nodes:
            for tensor in node.sources:
                if id(tensor) not in available:
                    raise GraphError(
                        f"The graph is disconnected: layer {node.outbound_layer.name} needs {tensor!r}, "
                        "which does not "
                        f"follow from the model's inputs {self.inputs}. Add the missing Input to the "
                        "model's inputs."
                    )
            if not node.is_entry:
                available.update(id(tensor) for tensor in node.output_tensors)
        for tensor in self.outputs:
            if id(tensor) not in available:
                raise GraphError(
                    f"The output {tensor!r} does not follow from the model's inputs {self.inputs}."
                )
        names: dict[str, Layer] = {}
        for layer in self.layers:
            if names.setdefault(layer.name, layer) is not layer:
                raise GraphError(
                    f"The name {layer.name!r} is used "
                    f"{sum(other.name == layer.name for other in self.layers)} times "
                    "in the model: all layer names must be unique. Pass name=… to one of the layers."
                )


def _walk(outputs: Sequence[SymbolicTensor]) -> tuple[list[Node], dict[Layer, int]]:
    """Walks from the outputs to the inputs.

    Returns:
        the nodes, each after those that it needs; and the layers with the order in which they were met.
    """
    walked: list[Node] = []
    done: set[Node] = set()
    met: dict[Layer, int] = {}
    for output in outputs:
        stack = [(_node_of(output), False)]
        while stack:  # no recursion: deep networks have a thousand layers
            node, entered = stack.pop()
            if entered:
                walked.append(node)
            elif node not in done:
                done.add(node)
                met.setdefault(node.outbound_layer, len(met))
                stack.append((node, True))
                stack.extend((_node_of(tensor), False) for tensor in reversed(node.sources))
    return walked, met


def _depths(walked: list[Node]) -> tuple[dict[Node, int], dict[Layer, int]]:
    """Returns the greatest distance to an output, of nodes and of layers (the deepest of a layer's nodes)."""
    node_depth: dict[Node, int] = {}
    layer_depth: dict[Layer, int] = {}
    for node in reversed(walked):
        layer = node.outbound_layer
        depth = max(node_depth.setdefault(node, 0), layer_depth.get(layer, 0))
        layer_depth[layer] = node_depth[node] = depth
        for tensor in node.sources:
            before = _node_of(tensor)
            node_depth[before] = max(depth + 1, node_depth.get(before, 0))
    return node_depth, layer_depth


def _node_of(tensor: SymbolicTensor) -> Node:
    history = tensor._keras_history
    return history.layer._inbound_nodes[history.node_index]
