"""Layers and models described by classes of Keras 2.2.4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from batchyard.models.engine.masking import accepts
from batchyard.models.engine.network_config import network_config
from batchyard.models.errors import NotSerializableError
from batchyard.models.saving.config import plain
from batchyard.models.saving.for_keras_2.expressions import Expression, Given, activated, as_layer, scaled
from batchyard.models.saving.for_keras_2.known import ACTIVATIONS
from batchyard.models.saving.for_keras_2.operations import computed
from batchyard.models.saving.hard_sigmoid_folding import folded_argument

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.network import Network

__all__ = ["describe", "is_network", "keeps_states"]

#: Keras 3's hard_sigmoid, by its name here.
_HARD_SIGMOID = "hard_sigmoid_of_keras_3"


def describe(layer: Any, given: Sequence[Given] = (), frozen: bool = False) -> dict[str, Any]:
    """Return class and configuration of a layer or model, in classes of Keras 2.2.4 where there are some.

    What has no counterpart is left as it is. Weights that the layer has come first among those of what it
    becomes, in their order.

    Args:
        layer: to be described.
        given: what it is called on; nothing if that isn't known.
        frozen: whether a network is called with training=False, which Keras 2.2.4 knows of layers only.
    """
    if is_network(layer):
        return _network(layer, frozen)
    described = {"class_name": type(layer).__name__, "config": plain(layer.get_config(), layer.name)}
    if not type(layer).__module__.startswith("batchyard.models."):
        return described
    config = described["config"]
    config.pop("zero_output_for_mask", None)
    inner = _given_to_inner(layer, given)
    for key in ("layer", "cell"):
        if key in config and isinstance(config[key], dict):
            config[key] = describe(getattr(layer, key), inner)
    if "cells" in config:
        config["cells"] = [describe(cell) for cell in layer.cells]
    if config.get(folded_argument(layer) or "") == _HARD_SIGMOID and keeps_states(layer):
        config[folded_argument(layer)] = "hard_sigmoid"
    return _expressed(layer, config, given) or described


def is_network(layer: Any) -> bool:
    """Whether a layer is a model."""
    return hasattr(layer, "layers") and hasattr(layer, "inputs")


def keeps_states(layer: Any) -> bool:
    """Whether a layer is recurrent, so that its activations can't be taken out of it."""
    return hasattr(layer, "state_size") or hasattr(layer, "return_sequences")


def _given_to_inner(layer: Any, given: Sequence[Given]) -> list[Given]:
    """Return what the layer within a wrapper is called on."""
    if type(layer).__name__ == "TimeDistributed":
        return [Given((one.shape[0], *one.shape[2:]), one.dtype) for one in given]
    return list(given)


def _expressed(layer: Any, config: dict[str, Any], given: Sequence[Given]) -> dict[str, Any] | None:
    """Return the layers of Keras 2.2.4 that compute the same; None where it knows the layer, or has none."""
    from batchyard.models import Input

    kind = type(layer).__name__
    activation = config.get("activation")
    is_later = isinstance(activation, str) and activation not in ACTIVATIONS and not keeps_states(layer)
    if kind not in ("NamedOperation", "Rescaling") and not is_later:
        return None
    if not given or any(one.masked or one.dtype != "float32" for one in given):
        return None
    names = [f"{layer.name}_input_{number}" for number in range(1, len(given) + 1)]
    inputs = [Input(batch_shape=one.shape, name=name) for one, name in zip(given, names, strict=True)]
    made = Expression(layer.name)
    if kind == "NamedOperation":
        output = computed(layer, inputs, layer.name)
    elif kind == "Rescaling":
        numbers = isinstance(layer.scale, int | float) and isinstance(layer.offset, int | float)
        output = scaled(made, inputs[0], float(layer.scale), float(layer.offset)) if numbers else None
    elif kind == "Activation":
        output = activated(made, inputs[0], str(activation))
    else:
        plain_config = {key: item for key, item in config.items() if key != "batch_input_shape"}
        linear = type(layer).from_config({**plain_config, "activation": "linear"})
        output = activated(made, linear(inputs[0]), str(activation))
    if output is None:
        return None
    found = as_layer(layer.name, inputs, output)
    described = plain(found.get_config(), layer.name)
    if "batch_input_shape" in config and not is_network(found):
        described["batch_input_shape"] = config["batch_input_shape"]
    return {"class_name": type(found).__name__, "config": described}


def _network(network: Any, frozen: bool) -> dict[str, Any]:
    from batchyard.models.engine.graph import Graph
    from batchyard.models.engine.sequential import Sequential

    if not isinstance(network._graph, Graph):
        raise NotSerializableError(
            f"Model {network.name!r} is of a class of its own, whose layers no configuration connects. Save "
            "its weights by save_weights, and make the model by its class there."
        )
    if isinstance(network, Sequential) and not frozen:
        config = plain(network.get_config(), network.name)
        config["layers"] = [describe(layer, _given(network, layer)) for layer in network.layers]
        return {"class_name": "Sequential", "config": config}
    return {"class_name": "Model", "config": _functional(network, frozen)}


def _functional(network: Network, frozen: bool) -> dict[str, Any]:
    config: dict[str, Any] = plain(network_config(network.name, network._graph), network.name)  # type: ignore[arg-type]
    objects = {layer.name: layer for layer in network._graph.layers}
    became_networks = set()
    for entry in config["layers"]:
        layer = objects[entry["name"]]
        calls = [tensor[3] for call in entry["inbound_nodes"] for tensor in call]
        stays_frozen = frozen or (bool(calls) and all(one.get("training") is False for one in calls))
        of_network = is_network(layer)
        entry.update(describe(layer, _given(network, layer), stays_frozen))
        if not of_network and _is_network_class(entry["class_name"]):
            became_networks.add(entry["name"])
        for arguments in calls:
            if of_network and stays_frozen:
                arguments.pop("training", None)
            elif frozen and accepts(layer, "training"):
                arguments["training"] = False
    uses = [tensor for entry in config["layers"] for call in entry["inbound_nodes"] for tensor in call]
    for use in [*uses, *config["output_layers"]]:
        if use[0] in became_networks:
            use[1] += 1  # call 0 of a network is its own graph
    return config


def _is_network_class(class_name: str) -> bool:
    return class_name in ("Model", "Sequential")


def _given(network: Network, layer: Layer) -> list[Given]:
    """Return what a layer is called on in a network; nothing where its calls differ in that."""
    kept = set(network._graph.nodes)
    calls = [
        [
            Given(tuple(one.shape), str(one.dtype).removeprefix("torch."), one._keras_mask is not None)
            for one in node.sources
        ]
        for node in layer._inbound_nodes
        if node in kept and node.sources
    ]
    return calls[0] if calls and all(call == calls[0] for call in calls) else []
