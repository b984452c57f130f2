"""Configurations of other versions of Keras, rewritten as Keras 2.2.4 would have written them.

Only the spelling is changed here. What another version can do and 2.2.4 can't is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.saving.foreign.arguments import check_arguments, expect_class, without_neutral
from batchyard.models.saving.foreign.calls import read_calls, written
from batchyard.models.saving.foreign.ended_masks import end_masks, end_masks_of_chain
from batchyard.models.saving.foreign.keras_1 import flat_graph_of_branches, layer_of_keras_1, order_of_axes
from batchyard.models.saving.foreign.layers import rewrite_layer
from batchyard.models.saving.foreign.masks import without_masks
from batchyard.models.saving.foreign.objects import Spelling, check_origin, plain_class_name
from batchyard.models.saving.foreign.operations import is_operation, written_operation
from batchyard.models.saving.foreign.producer import (
    KERAS_1,
    KERAS_2,
    KERAS_3,
    TF_KERAS,
    Producer,
    producer_of,
)

#: What a network's configuration consists of; later versions put more into it.
_NETWORK_KEYS = {
    "Sequential": {"name", "layers", "build_input_shape"},
    "Model": {"name", "layers", "input_layers", "output_layers"},
}
#: The most values that a configuration may have; more of them are an attack by repeated YAML anchors.
_VALUE_LIMIT = 1_000_000
#: How deep they may be nested.
_DEPTH_LIMIT = 200


def to_keras_2(
    config: Mapping[str, Any], producer: Producer | None = None, for_inference: bool = False
) -> dict[str, Any]:
    """Return the configuration of a model in the spelling of Keras 2.2.4; its own is returned as it is.

    Args:
        config: class and configuration of the model.
        producer: who wrote it; told by its spelling if not given.
        for_inference: whether initializers that aren't known may be left out.

    Raises:
        InvalidArgumentError: where it is too large, or says what Keras 2.2 doesn't have.
    """
    has_masks = expect_bounded(config)
    producer = producer or producer_of(None, config)
    order = order_of_axes(config) if producer.family == KERAS_1 else ""
    return _Rewriter(producer, for_inference, has_masks, order).layer(config)


class _Rewriter:
    """Rewrites the layers of one model."""

    def __init__(self, producer: Producer, for_inference: bool, has_masks: bool, order: str) -> None:
        self._producer = producer
        self._has_masks = has_masks
        self._order = order  # of axes, where Keras 1's layers do not say it
        self._depth = 0  # how many networks stand around that which is rewritten
        self._spelling = Spelling(producer, for_inference)

    def layer(self, described: Any) -> dict[str, Any]:
        """Return a layer or network, without its calls."""
        if not isinstance(described, Mapping) or not isinstance(described.get("class_name"), str):
            raise InvalidArgumentError(
                f"Expected a layer, as class_name and config, in the configuration; found {described!r:.100}."
            )
        class_name = plain_class_name(described["class_name"])
        config = described.get("config")
        rewritten = {key: described[key] for key in ("name",) if key in described}
        if class_name in ("Functional", "Model", "Sequential") and _is_network(config):
            if class_name == "Sequential" and self._producer.family == KERAS_1 and isinstance(config, list):
                graph = flat_graph_of_branches(config, rewritten.get("name"))
                if graph is not None:
                    return self.layer({**rewritten, **graph})
            class_name = "Sequential" if class_name == "Sequential" else "Model"
            of_network: Any = self._sequential if class_name == "Sequential" else self._graph
            self._depth += 1
            found = of_network(config)
            self._depth -= 1
            return {**rewritten, "class_name": class_name, "config": found}
        if not isinstance(config, Mapping):
            return {**rewritten, "class_name": class_name, "config": config}
        check_origin(described, class_name, config)
        class_name, config = self._own(class_name, config)
        return {**rewritten, "class_name": class_name, "config": config}

    def _own(self, class_name: str, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return class and arguments of a layer that is no network."""
        inner = {key: config[key] for key in ("layer", "cell", "cells", "backward_layer") if key in config}
        rest = self._spelling.arguments({key: item for key, item in config.items() if key not in inner})
        for key, item in inner.items():
            if isinstance(item, list):
                rest[key] = [self.layer(one) for one in item]
            elif isinstance(item, Mapping) and "class_name" in item:
                rest[key] = self.layer(item)
            else:
                rest[key] = item
        if self._producer.family == KERAS_1:
            class_name, rest = layer_of_keras_1(class_name, rest, self._order)
        class_name, rest = rewrite_layer(class_name, rest, self._producer)
        if not self._has_masks:
            rest.pop("zero_output_for_mask", None)
        expect_class(class_name, rest, self._producer)
        rest = without_neutral(class_name, rest)
        check_arguments(class_name, rest, self._producer)
        return class_name, rest

    def _sequential(self, config: Any) -> Any:
        if isinstance(config, list):  # of Keras 1, and of 2.2.2 and before
            return [self.layer(one) for one in config]
        found = {key: item for key, item in config.items() if key in _NETWORK_KEYS["Sequential"]}
        found["layers"] = [self.layer(one) for one in config["layers"]]
        if self._has_masks and self._producer.family in (TF_KERAS, KERAS_3):
            found["layers"] = end_masks_of_chain(found["layers"], masked=self._depth > 1)
        return found

    def _graph(self, config: Mapping[str, Any]) -> dict[str, Any]:
        found = {key: item for key, item in config.items() if key in _NETWORK_KEYS["Model"]}
        layers = [self._named(one) for one in config["layers"]]
        names = {one["name"] for one in layers}
        for key in ("input_layers", "output_layers"):
            found[key] = _as_triples(config.get(key, []))
        if self._producer.family in (KERAS_1, KERAS_2):
            found["layers"] = [
                {**self.layer(one), "inbound_nodes": one.get("inbound_nodes") or []} for one in layers
            ]
            return found
        calls = {one["name"]: read_calls(self._spelled_nodes(one), names) for one in layers}
        operations = {one["name"] for one in layers if is_operation(one)}
        outputs = {triple[0] for key in ("input_layers", "output_layers") for triple in found[key]}
        layers = without_masks(layers, calls, outputs, operations)
        rewritten = {
            one["name"]: {
                **(
                    {"class_name": "NamedOperation", "config": {}}
                    if one["name"] in operations
                    else self.layer(one)
                ),
                "name": one["name"],
            }
            for one in layers
        }
        ends = end_masks(list(rewritten.values()), calls, masked=self._depth > 1) if self._has_masks else []
        found["layers"] = ends + [
            written_operation(self._spelled(one), calls[one["name"]], self._producer)
            if one["name"] in operations
            else self._called(rewritten[one["name"]], calls[one["name"]])
            for one in layers
        ]
        _count_own_node(found)
        return found

    def _named(self, described: Any) -> dict[str, Any]:
        if not isinstance(described, Mapping) or not isinstance(described.get("class_name"), str):
            raise InvalidArgumentError(
                f"Expected a layer, as class_name and config, in the configuration; found {described!r:.100}."
            )
        config = described.get("config")
        name = described.get("name") or (config.get("name") if isinstance(config, Mapping) else None)
        class_name = plain_class_name(described["class_name"])
        return {**described, "class_name": class_name, "name": str(name)}

    def _called(self, layer: dict[str, Any], calls: list[Any]) -> dict[str, Any]:
        nodes, constants = [], 0
        for call in calls:
            node, count = written(call, layer, self._producer)
            constants = max(constants, count)
            if node:
                nodes.append(node)
        if constants:
            layer["config"]["num_constants"] = constants
        return {**layer, "inbound_nodes": nodes}

    def _spelled_nodes(self, described: dict[str, Any]) -> dict[str, Any]:
        return {**described, "inbound_nodes": self._spelling.value(described.get("inbound_nodes") or [])}

    def _spelled(self, described: dict[str, Any]) -> dict[str, Any]:
        config = described.get("config")
        return {**described, "config": self._spelling.value(config) if isinstance(config, Mapping) else {}}


def _is_network(config: Any) -> bool:
    return isinstance(config, list) or (
        isinstance(config, Mapping) and isinstance(config.get("layers"), list)
    )


def _as_triples(value: Any) -> list[list[Any]]:
    """Return a list of triples, also where a single tensor is written as a bare one, or they have names."""
    if isinstance(value, Mapping):
        return [triple for key in sorted(value) for triple in _as_triples(value[key])]
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
        return [list(value)]
    if not isinstance(value, list):
        raise InvalidArgumentError(
            f"Expected inputs or outputs of a model as [layer, call, place], found {value!r:.100}."
        )
    found = [triple for item in value for triple in _as_triples(item)]
    if any(not isinstance(triple[1], int) or not isinstance(triple[2], int) for triple in found):
        raise InvalidArgumentError(
            f"Expected inputs or outputs of a model as [layer, call, place], found {value!r:.100}."
        )
    return found


def _count_own_node(config: dict[str, Any]) -> None:
    """Number the calls of nested networks from 1, as Keras 2 does: call 0 is the network's own graph."""
    nested = {layer["name"] for layer in config["layers"] if layer["class_name"] in _NETWORK_KEYS}
    uses = [use for layer in config["layers"] for node in layer["inbound_nodes"] for use in node]
    uses += [*config["input_layers"], *config["output_layers"]]
    uses = [use for use in uses if use[0] in nested]
    from_zero = {use[0] for use in uses if use[1] == 0}
    for use in uses:
        if use[0] in from_zero:
            use[1] += 1


def expect_bounded(config: Any) -> bool:
    """Refuse a configuration that is too large; return whether some layer makes masks.

    Args:
        config: of a model.

    Raises:
        InvalidArgumentError: where it has too many values, refers to itself, or is nested too deeply.
    """
    count, has_masks = 0, False
    waiting = [(config, 0)]
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if count > _VALUE_LIMIT:
            raise InvalidArgumentError(
                f"Expected the configuration of a model, received one of more than {_VALUE_LIMIT} values."
            )
        if depth > _DEPTH_LIMIT:
            raise InvalidArgumentError(
                "Expected the configuration of a model, received one that is nested too deeply to be read: "
                f"more than {_DEPTH_LIMIT} levels."
            )
        if isinstance(value, Mapping):
            has_masks = has_masks or value.get("class_name") == "Masking" or value.get("mask_zero") is True
            waiting += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, list | tuple):
            waiting += [(item, depth + 1) for item in value]
    return has_masks
