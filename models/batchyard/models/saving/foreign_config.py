"""Configurations of tf.keras 2.x and Keras 3, rewritten as Keras 2.2.4 would have written them.

Only the spelling is changed here. What a later version can do and 2.2.4 can't stays in the
configuration, and is refused by the layer that doesn't know it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from batchyard.models.errors import InvalidArgumentError

#: Keys of a serialized object that carry nothing we need.
_EXTRA_KEYS = ("module", "registered_name", "build_config", "compile_config", "shared_object_id")
#: What a network's configuration consists of; later versions put more into it.
_NETWORK_KEYS = {
    "Sequential": {"name", "layers", "build_input_shape"},
    "Model": {"name", "layers", "input_layers", "output_layers"},
}
#: Arguments of later versions, each with the values at which it changes nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "autocast": (True,),
    "dtype": (None,),
    "groups": (1,),
    "input_axes": (None,),
    "keepdims": (False,),
    "lora_alpha": (None,),
    "lora_rank": (None,),
    "optional": (False,),
    "output_axes": (None,),
    "quantization_config": (None,),
    "ragged": (False,),
    "renorm": (False,),
    "renorm_clipping": (None,),
    "renorm_momentum": (0.99,),
    "sparse": (False,),
    "synchronized": (False,),
    "time_major": (False,),
    "use_cudnn": ("auto", False),
    "zero_output_for_mask": (False,),
}
#: Of those, arguments that 2.2.4 knows for some classes, where they are kept.
_KNOWN = {"dtype": None, "sparse": ("InputLayer",)}
#: The most values that a configuration may have; more of them are an attack by repeated YAML anchors.
_VALUE_LIMIT = 1_000_000


def to_keras_2(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a model in the spelling of Keras 2.2.4; its own is returned as it is.

    Raises:
        InvalidArgumentError: where the configuration is too large, or refers to itself.
    """
    try:
        _expect_bounded(config)
        rewritten: dict[str, Any] = _rewrite(config)
    except RecursionError:
        raise InvalidArgumentError(
            "Expected the configuration of a model, received one that is nested too deeply to be read."
        ) from None
    return rewritten


def _rewrite(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_rewrite(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if isinstance(value.get("class_name"), str):
        return _rewrite_object(value)
    return {key: _rewrite(item) for key, item in value.items()}


def _rewrite_object(value: Mapping[str, Any]) -> Any:
    class_name = value["class_name"].rsplit(">", 1)[-1]
    class_name = "Model" if class_name == "Functional" else class_name
    config = value.get("config")
    if class_name == "__tuple__":
        return [_rewrite(item) for item in value.get("items", ())]
    if class_name == "__keras_tensor__" and isinstance(config, Mapping):
        return _Reference(config.get("keras_history", ()))
    if class_name in ("DTypePolicy", "Policy") and isinstance(config, Mapping):
        return config.get("name")
    if class_name == "function":
        return config
    rewritten = {key: _rewrite(item) for key, item in value.items() if key not in _EXTRA_KEYS}
    rewritten["class_name"] = class_name
    if isinstance(rewritten.get("config"), dict):
        rewritten["config"] = _rewrite_arguments(class_name, rewritten["config"])
    if isinstance(rewritten.get("inbound_nodes"), list):
        rewritten["inbound_nodes"] = [_rewrite_node(node) for node in rewritten["inbound_nodes"]]
    return rewritten


def _rewrite_arguments(class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    if class_name in _NETWORK_KEYS and isinstance(config.get("layers"), list):
        config = {key: item for key, item in config.items() if key in _NETWORK_KEYS[class_name]}
        for key in ("input_layers", "output_layers"):
            if key in config:
                config[key] = _as_triples(config[key])
        _count_own_node(config)
        return config
    for old in ("batch_shape", "shape"):
        if class_name == "InputLayer" and old in config:
            config["batch_input_shape"] = config.pop(old)
    if (
        class_name == "BatchNormalization"
        and isinstance(config.get("axis"), list)
        and len(config["axis"]) == 1
    ):
        config["axis"] = config["axis"][0]
    return {key: item for key, item in config.items() if not _is_neutral(class_name, key, item)}


def _is_neutral(class_name: str, key: str, value: Any) -> bool:
    if key not in _NEUTRAL or class_name in (_KNOWN.get(key) or ()):
        return False
    return any(
        value is neutral or (type(value) is type(neutral) and value == neutral) for neutral in _NEUTRAL[key]
    )


class _Reference(tuple[Any, ...]):
    """A tensor of Keras 3, as layer, node and place."""

    __slots__ = ()


def _rewrite_node(node: Any) -> Any:
    """Return a node of Keras 3, a dictionary of arguments, as a list of tensors."""
    if not isinstance(node, dict) or "args" not in node:
        return node
    kwargs = {key: item for key, item in node.get("kwargs", {}).items() if item is not None}
    return [[*reference, kwargs] for reference in _references(node["args"])]


def _references(value: Any) -> Iterator[_Reference]:
    if isinstance(value, _Reference):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _as_triples(value: Any) -> Any:
    """Return a list of triples, also where a single tensor is written as a bare one."""
    is_triple = isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)
    return [value] if is_triple else value


def _count_own_node(config: dict[str, Any]) -> None:
    """Number the calls of nested networks from 1, as Keras 2 does: call 0 is the network's own graph."""
    layers = [layer for layer in config["layers"] if isinstance(layer, dict)]
    nested = {layer.get("name") for layer in layers if layer.get("class_name") in _NETWORK_KEYS}
    uses = [
        use for layer in layers for node in _as_list(layer.get("inbound_nodes")) for use in _as_list(node)
    ]
    uses += [*_as_list(config.get("input_layers")), *_as_list(config.get("output_layers"))]
    uses = [use for use in uses if _is_use(use) and use[0] in nested]
    from_zero = {use[0] for use in uses if use[1] == 0}
    for use in uses:
        if use[0] in from_zero:
            use[1] += 1


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_use(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= 3
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )


def _expect_bounded(config: Any) -> None:
    count, waiting = 0, [config]
    while waiting:
        value = waiting.pop()
        count += 1
        if count > _VALUE_LIMIT:
            raise InvalidArgumentError(
                f"Expected the configuration of a model, received one of more than {_VALUE_LIMIT} values."
            )
        if isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
