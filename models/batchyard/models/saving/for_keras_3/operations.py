"""Functions on tensors as Keras 3's operations, or as the layers that compute them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from batchyard.models.errors import NotSerializableError

if TYPE_CHECKING:
    from batchyard.models.layers.operations.named_operation import NamedOperation

__all__ = ["describe_operation", "is_operation", "layer_of_operation", "operation_call"]

#: Modules of Keras 3's operations other than `keras.src.ops.numpy`.
_MODULES = {
    **dict.fromkeys(
        (
            "elu",
            "gelu",
            "hard_sigmoid",
            "leaky_relu",
            "log_softmax",
            "one_hot",
            "relu",
            "relu6",
            "selu",
            "sigmoid",
            "silu",
            "softmax",
            "softplus",
            "softsign",
        ),
        "keras.src.ops.nn",
    ),
    **dict.fromkeys(("erf", "logsumexp", "rsqrt"), "keras.src.ops.math"),
    **dict.fromkeys(("cast", "unstack"), "keras.src.ops.core"),
}
#: Arguments of calls, in order; all others are arguments of the operation itself.
_OF_CALLS = ("condition", "x", "xs", "x1", "x2", "indices", "key", "constant_values")
#: Operations that Keras 3 has as layers only.
_LAYERS = ("identity", "l2_normalize")


def is_operation(layer: Any) -> bool:
    """Whether a layer becomes an operation, which Keras 3 keeps in graphs but not among a model's layers."""
    return type(layer).__name__ == "NamedOperation" and layer_of_operation(layer) is None


def layer_of_operation(layer: NamedOperation) -> dict[str, Any] | None:
    """Return class and arguments of the layer that computes a function; None where there is none."""
    name, values = layer.operation, _arguments(layer)
    if name == "identity":
        return _identity(layer)
    if name == "l2_normalize" and values["axis"] is not None and values["epsilon"] == 1e-12:
        return {"class_name": "UnitNormalization", "config": {"axis": values["axis"]}}
    if name in ("mean", "max") and values["keepdims"] and values["axis"] is not None:
        return _global_pooling(layer, "Average" if name == "mean" else "Max", values["axis"])
    return None


def _identity(layer: NamedOperation) -> dict[str, Any]:
    """Return the layer that does nothing; where it ends a mask, one that takes each step once."""
    for node in layer._inbound_nodes:
        if node.input_masks[0] is not None and len(node.sources[0].shape) == 3:
            return {"class_name": "UpSampling1D", "config": {"size": 1}}
    return {"class_name": "Identity", "config": {}}


def _global_pooling(layer: NamedOperation, kind: str, axis: Any) -> dict[str, Any] | None:
    """Return the pooling that is a mean or maximum over all places; None where it isn't over these."""
    rank = len(layer._inbound_nodes[0].sources[0].shape) if layer._inbound_nodes else 0
    axes = [one % rank for one in ([axis] if isinstance(axis, int) else axis)] if rank else []
    orders = {"channels_last": list(range(1, rank - 1)), "channels_first": list(range(2, rank))}
    for order, places in orders.items():
        if 3 <= rank <= 5 and sorted(axes) == places:
            config = {"data_format": order, "keepdims": True}
            return {"class_name": f"Global{kind}Pooling{rank - 2}D", "config": config}
    return None


def describe_operation(layer: NamedOperation) -> dict[str, Any]:
    """Return class and arguments of the operation that computes a function.

    Raises:
        NotSerializableError: where Keras 3 has none.
    """
    if layer.operation in _LAYERS or "/" in layer.name:
        raise NotSerializableError(
            f"Layer {layer.name!r} computes {layer.operation!r}, which no operation of Keras 3 of that name "
            "does. Put it into a Lambda with a named function."
        )
    class_name = "".join(part.capitalize() for part in layer.operation.split("_"))
    config = {key: value for key, value in _arguments(layer).items() if key not in _OF_CALLS}
    return {
        "module": _MODULES.get(layer.operation, "keras.src.ops.numpy"),
        "class_name": class_name,
        "config": {"name": layer.name, **config},
        "registered_name": class_name,
    }


def operation_call(layer: NamedOperation, references: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the arguments of a call of an operation.

    Args:
        layer: the operation.
        references: to the tensors that it is called on.
    """
    values = _arguments(layer)
    if isinstance(values.get("key"), list):
        values["key"] = _without_ellipsis(values["key"], len(layer._inbound_nodes[0].sources[0].shape))
    given = [_filled(values[key], references) for key in _OF_CALLS if values.get(key) is not None]
    return {"args": given, "kwargs": {}}


def _without_ellipsis(key: list[Any], rank: int) -> list[Any]:
    """Return what stands in brackets with slices in the place of `...`, on which Keras 3 fails in HDF5."""
    if {"ellipsis": True} not in key:
        return key
    place = key.index({"ellipsis": True})
    missing = rank - sum(item is not None for item in key) + 1
    return [*key[:place], *[{"slice": [None, None, None]}] * missing, *key[place + 1 :]]


def _arguments(layer: NamedOperation) -> dict[str, Any]:
    from batchyard.models.layers.operations.functions import find_operation

    config = layer.get_config()
    bound = inspect.signature(find_operation(layer.operation)).bind(*config["args"], **config["kwargs"])
    bound.apply_defaults()
    return dict(bound.arguments)


def _filled(value: Any, references: Sequence[dict[str, Any]]) -> Any:
    """Return an argument with references for inputs, and with slices as Keras 3 writes them."""
    if isinstance(value, Mapping):
        if set(value) == {"input"}:
            return references[value["input"]]
        if set(value) == {"slice"}:
            ends = dict(zip(("start", "stop", "step"), value["slice"], strict=True))
            return {"class_name": "__slice__", "config": ends}
        return {key: _filled(item, references) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, references) for item in value]
    return value
