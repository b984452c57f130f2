"""Nodes of TensorFlow's graphs, which TensorFlow 2.0 to 2.3 put into `TensorFlowOpLayer`s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchyard.models.saving.foreign.calls import Call

__all__ = ["from_tensorflow_node"]

#: Operations of TensorFlow, with the names that keras.ops gives to them and their inputs.
_NODES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Abs": ("abs", ("x",)),
    "Add": ("add", ("x1", "x2")),
    "AddV2": ("add", ("x1", "x2")),
    "BatchMatMulV2": ("matmul", ("x1", "x2")),
    "Cast": ("cast", ("x",)),
    "Elu": ("elu", ("x",)),
    "Exp": ("exp", ("x",)),
    "ExpandDims": ("expand_dims", ("x", "axis")),
    "GatherV2": ("take", ("x", "indices", "axis")),
    "Greater": ("greater", ("x1", "x2")),
    "Identity": ("identity", ("x",)),
    "Less": ("less", ("x1", "x2")),
    "Log": ("log", ("x",)),
    "MatMul": ("matmul", ("x1", "x2")),
    "Max": ("max", ("x", "axis")),
    "Maximum": ("maximum", ("x1", "x2")),
    "Mean": ("mean", ("x", "axis")),
    "Min": ("min", ("x", "axis")),
    "Minimum": ("minimum", ("x1", "x2")),
    "Mul": ("multiply", ("x1", "x2")),
    "Neg": ("negative", ("x",)),
    "NotEqual": ("not_equal", ("x1", "x2")),
    "Pow": ("power", ("x1", "x2")),
    "Prod": ("prod", ("x", "axis")),
    "RealDiv": ("divide", ("x1", "x2")),
    "Relu": ("relu", ("x",)),
    "Relu6": ("relu6", ("x",)),
    "Reshape": ("reshape", ("x", "newshape")),
    "Rsqrt": ("rsqrt", ("x",)),
    "Selu": ("selu", ("x",)),
    "Sigmoid": ("sigmoid", ("x",)),
    "Softmax": ("softmax", ("x",)),
    "Softplus": ("softplus", ("x",)),
    "Sqrt": ("sqrt", ("x",)),
    "Square": ("square", ("x",)),
    "Squeeze": ("squeeze", ("x",)),
    "Sub": ("subtract", ("x1", "x2")),
    "Sum": ("sum", ("x", "axis")),
    "Tanh": ("tanh", ("x",)),
    "Tile": ("tile", ("x", "repeats")),
    "Transpose": ("transpose", ("x", "axes")),
}
_DTYPES = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_INT32": "int32", "DT_INT64": "int64"}


def from_tensorflow_node(config: Mapping[str, Any], call: Call) -> tuple[str, dict[str, Any]] | None:
    """Returns a node's operation and its arguments by name; None where it is not known.

    Args:
        config: of the `TensorFlowOpLayer`: the node as a dictionary, and its constant inputs by place.
        call: with the other inputs.
    """
    node = config.get("node_def")
    if not isinstance(node, Mapping):
        return None
    kind, attributes = str(node.get("op")), node.get("attr") or {}
    inputs = _inputs(call, config.get("constants") or {})
    if any(_attribute(attributes, key) for key in ("transpose_a", "transpose_b", "adj_x", "adj_y")):
        return None
    if kind in ("ConcatV2", "Pack"):
        if kind == "Pack":
            return "stack", {"x": inputs, "axis": int(_attribute(attributes, "axis") or 0)}
        return "concatenate", {"xs": inputs[:-1], "axis": inputs[-1]}
    if kind == "StridedSlice":
        return "get_item", {"x": inputs[0], "key": _strided(inputs, attributes)}
    if kind not in _NODES:
        return None
    name, parameters = _NODES[kind]
    arguments = dict(zip(parameters, inputs, strict=False))
    if _attribute(attributes, "keep_dims"):
        arguments["keepdims"] = True
    if name == "squeeze":
        axes = [int(one) for one in (attributes.get("squeeze_dims", {}).get("list", {}).get("i") or ())]
        arguments["axis"] = axes or None
    if name == "cast":
        dtype = _DTYPES.get(str(attributes.get("DstT", {}).get("type")))
        if dtype is None:
            return None
        arguments["dtype"] = dtype
    return name, arguments


def _inputs(call: Call, constants: Mapping[str, Any]) -> list[Any]:
    first = call.args[0] if call.args else []
    given = list(first) if isinstance(first, list) else [first]
    by_place = {int(place): value for place, value in constants.items()}
    count = len(given) + len(by_place)
    return [by_place[place] if place in by_place else given.pop(0) for place in range(count)]


def _attribute(attributes: Mapping[str, Any], key: str) -> Any:
    value = attributes.get(key)
    if not isinstance(value, Mapping):
        return None
    return value.get("b", value.get("i"))


def _strided(inputs: list[Any], attributes: Mapping[str, Any]) -> list[Any]:
    begin, end, strides = inputs[1:4]
    masks = {key: int(_attribute(attributes, key) or 0) for key in attributes if key.endswith("_mask")}

    def has(mask: str, place: int) -> bool:
        return bool(masks.get(f"{mask}_mask", 0) >> place & 1)

    found: list[Any] = []
    for place, (start, stop, step) in enumerate(zip(begin, end, strides, strict=True)):
        if has("ellipsis", place):
            found.append({"ellipsis": True})
        elif has("new_axis", place):
            found.append(None)
        elif has("shrink_axis", place):
            found.append(start)
        else:
            open_ends = (None if has("begin", place) else start, None if has("end", place) else stop)
            found.append({"slice": [*open_ends, step]})
    return found
