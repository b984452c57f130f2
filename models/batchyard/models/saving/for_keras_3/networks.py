"""Models as Keras 3 describes them: layers, and how they are connected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from batchyard.models.engine.graph import Graph
from batchyard.models.engine.input_layer import InputLayer
from batchyard.models.engine.sequential import Sequential
from batchyard.models.errors import NotSerializableError
from batchyard.models.saving.config import plain
from batchyard.models.saving.for_keras_3.layers import describe_layer, is_network
from batchyard.models.saving.for_keras_3.operations import is_operation, operation_call

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.network import Network
    from batchyard.models.engine.symbolic import Node, SymbolicTensor

__all__ = ["called_in_a_mode", "describe"]


def describe(layer: Any) -> dict[str, Any]:
    """Return class and configuration of a layer or model.

    Raises:
        NotSerializableError: where Keras 3 has nothing like it.
    """
    if not is_network(layer):
        return describe_layer(layer)
    if isinstance(layer, Sequential):
        return {
            "module": "keras",
            "class_name": "Sequential",
            "config": _sequential(layer),
            "registered_name": None,
        }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": _functional(layer),
        "registered_name": "Functional",
    }


def called_in_a_mode(model: Any) -> Iterator[str]:
    """Yield the names of layers that are called with an argument `training`, those of inner models too."""
    if not isinstance(model._graph, Graph):
        return
    for node in model._graph.nodes:
        layer = node.outbound_layer
        if node.arguments.get("training") is not None:
            yield layer.name
        if is_network(layer) and layer is not model:
            yield from called_in_a_mode(layer)


def input_layer(tensor: SymbolicTensor) -> dict[str, Any]:
    """Return the description of the layer with which a tensor begins."""
    return {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {
            "batch_shape": list(tensor.shape),
            "dtype": _dtype(tensor),
            "sparse": False,
            "name": tensor._keras_history.layer.name,
        },
        "registered_name": None,
    }


def _sequential(model: Sequential) -> dict[str, Any]:
    for layer in model.layers:
        if is_operation(layer):
            raise NotSerializableError(
                f"Layer {layer.name!r} of the Sequential {model.name!r} is a function ({layer.operation}), "
                "and Keras 3 has functions in graphs only. Build the model by Model(inputs, outputs)."
            )
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": [input_layer(model.inputs[0]), *(describe(layer) for layer in model.layers)],
        "build_input_shape": list(model.inputs[0].shape),
    }


def _functional(model: Network) -> dict[str, Any]:
    graph = model._graph
    if not isinstance(graph, Graph):
        raise NotSerializableError(
            f"Model {model.name!r} is of a class of its own, whose layers no configuration connects. Save "
            "its weights by save_weights, and make the model by its class there."
        )
    kept = set(graph.nodes)
    numbers: dict[Node, int] = {}
    for layer in graph.layers:
        calls = [node for node in layer._inbound_nodes if node in kept]
        numbers.update({node: number for number, node in enumerate(calls)})

    def origin(tensor: SymbolicTensor) -> list[Any]:
        layer, node_index, tensor_index = tensor._keras_history
        return [layer.name, numbers[layer._inbound_nodes[node_index]], tensor_index]

    def reference(tensor: SymbolicTensor) -> dict[str, Any]:
        return {
            "class_name": "__keras_tensor__",
            "config": {
                "shape": list(tensor.shape),
                "dtype": _dtype(tensor),
                "keras_history": origin(tensor),
            },
        }

    layers = []
    for layer in graph.layers:
        nodes: list[Node] = [node for node in layer._inbound_nodes if node in kept]
        if isinstance(layer, InputLayer):
            described, nodes = input_layer(nodes[0].output_tensors[0]), []
        else:
            described = describe(layer)
        described_calls = [
            _call(layer, node, [reference(tensor) for tensor in node.input_tensors]) for node in nodes
        ]
        layers.append({**described, "name": layer.name, "inbound_nodes": described_calls})

    def end(tensor: SymbolicTensor) -> list[Any]:
        # There, unlike in calls, a functional model's own graph counts as its first call.
        name, number, place = origin(tensor)
        layer = tensor._keras_history.layer
        return [name, number + int(is_network(layer) and not isinstance(layer, Sequential)), place]

    ends = {
        key: [end(tensor) for tensor in tensors]
        for key, tensors in (("input_layers", graph.inputs), ("output_layers", graph.outputs))
    }
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        **{key: found[0] if len(found) == 1 else found for key, found in ends.items()},
    }


def _call(layer: Layer, node: Node, references: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the arguments of one call."""
    if is_operation(layer):
        operation: Any = layer
        return operation_call(operation, references)
    arguments = plain(dict(node.arguments), layer.name)
    if len(references) == 1:
        return {"args": references, "kwargs": arguments}
    names = getattr(layer, "tensor_arguments", None)
    if names is not None:  # there it takes one by one what it takes in a list here
        tensors = dict(zip(names[1:], references[1:], strict=False))
        return {"args": references[:1], "kwargs": {**arguments, **tensors}}
    if not hasattr(layer, "return_sequences"):
        return {"args": [references], "kwargs": arguments}
    if getattr(layer, "_num_constants", None):
        raise NotSerializableError(
            f"Layer {layer.name!r} is called with constants, which recurrent layers of Keras 3 don't take. "
            "Without target='keras3' the model is saved as Keras 2 opens it."
        )
    return {"args": references[:1], "kwargs": {**arguments, "initial_state": references[1:]}}


def _dtype(tensor: SymbolicTensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
