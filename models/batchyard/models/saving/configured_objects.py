"""What a configuration names: layers, and classes and functions that only its author has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from batchyard.models.saving.custom_objects import get_custom_objects
from batchyard.models.saving.file_report import LayerReport
from batchyard.models.saving.foreign.objectives import LATER_OBJECTIVES
from batchyard.models.saving.foreign.objects import plain_class_name

__all__ = ["configured_layers", "count_calls", "names_needed"]

#: Classes in configurations that this library reads without having them.
_NO_OBJECTS = (
    "CompileConfig",
    "DTypePolicy",
    "InverseTimeDecay",
    "LossFunctionWrapper",
    "MeanMetricWrapper",
    "Policy",
    "SlicingOpLambda",
    "TFOpLambda",
    "TensorFlowOpLayer",
    "TensorShape",
    "__keras_tensor__",
    "__numpy__",
    "__tensor__",
    "__tuple__",
    "__typespec__",
    "slice",
)
_DEPTH_LIMIT = 200
_ENTRY_LIMIT = 1_000_000


def configured_layers(config: Any, depth: int = 0) -> list[LayerReport]:
    """Return the layers that a model's configuration lists, those of models within it too."""
    inner = config.get("config") if isinstance(config, Mapping) else None
    described = inner.get("layers") if isinstance(inner, Mapping) else inner
    found: list[LayerReport] = []
    for layer in described if isinstance(described, list) and depth < _DEPTH_LIMIT else []:
        if not isinstance(layer, Mapping):
            continue
        arguments = layer.get("config")
        name = layer.get("name") or (arguments.get("name") if isinstance(arguments, Mapping) else None)
        found.append(LayerReport(str(name or ""), str(layer.get("class_name") or ""), depth))
        if isinstance(arguments, Mapping) and isinstance(arguments.get("layers"), list):
            found += configured_layers(layer, depth + 1)
    return found


def count_calls(config: Any) -> int:
    """Return how many calls of layers one call of a model makes, those within models within it too.

    Args:
        config: of the model, or of a layer, which is not nested too deeply.
    """
    inner = config.get("config") if isinstance(config, Mapping) else None
    described = inner.get("layers") if isinstance(inner, Mapping) else inner
    wrapped = inner.get("layer") if isinstance(inner, Mapping) else None
    if isinstance(wrapped, Mapping):
        return count_calls(wrapped)
    if not isinstance(described, list):
        return 1
    total = 0
    for layer in described:
        if isinstance(layer, Mapping):
            calls = layer.get("inbound_nodes")
            total += max(1, len(calls) if isinstance(calls, list) else 1) * count_calls(layer)
    return total


def names_needed(
    config: Any, training: Any, custom_objects: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """Return the names that must be passed as custom objects, and the layers that bring code.

    Names that this library knows are not among them, nor those in the scopes of custom objects that are open.

    Args:
        config: of the model, in the spelling of Keras 2.2.4 if it can be given that.
        training: how it was compiled.
        custom_objects: names that are known already.
    """
    given = {**get_custom_objects(), **custom_objects}
    known = _known_names() | set(given)
    needed: dict[str, None] = {}
    code: dict[str, None] = {}
    for value in _objects([config, training]):
        name = plain_class_name(str(value["class_name"]))
        arguments = value.get("config")
        arguments = arguments if isinstance(arguments, Mapping) else {}
        if name == "__lambda__" or (name == "Lambda" and isinstance(arguments.get("function"), list)):
            code[str(arguments.get("name") or value.get("name") or name)] = None
        elif name == "Lambda" and isinstance(arguments.get("function"), str):
            if arguments["function"] not in given:
                needed[arguments["function"]] = None
        elif name == "function":
            if isinstance(value.get("config"), str) and value["config"] not in known:
                needed[value["config"]] = None
        elif name not in known:
            needed[name] = None
    return list(needed), list(code)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield all descriptions of objects within a configuration."""
    waiting, count = [value], 0
    while waiting and count < _ENTRY_LIMIT:
        count += 1
        item = waiting.pop()
        if isinstance(item, Mapping):
            if isinstance(item.get("class_name"), str):
                yield item
            waiting += reversed(list(item.values()))
        elif isinstance(item, list | tuple):
            waiting += reversed(item)


def _known_names() -> set[str]:
    """Return every name that this library knows, and those that stand for no object."""
    from batchyard.models import (
        activations,
        constraints,
        initializers,
        losses,
        metrics,
        optimizers,
        regularizers,
    )
    from batchyard.models.constraints.constraints import constraints as later_constraints
    from batchyard.models.initializers.initializers import initializers as later_initializers
    from batchyard.models.layers.registry import layers
    from batchyard.models.regularizers.regularizers import regularizers as later_regularizers

    found = {*layers, *later_constraints, *later_initializers, *later_regularizers}
    found |= {*LATER_OBJECTIVES, *_NO_OBJECTS}
    for package in (activations, constraints, initializers, losses, metrics, optimizers, regularizers):
        found |= {name for name in dir(package) if not name.startswith("_")}
    return found
