"""Operations in graphs of tf.keras and Keras 3, as `NamedOperation`s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.saving.foreign.calls import Call
from batchyard.models.saving.foreign.producer import Producer
from batchyard.models.saving.foreign.references import Reference
from batchyard.models.saving.foreign.tensorflow_nodes import from_tensorflow_node

__all__ = ["TF_CLASSES", "is_operation", "written_operation"]

#: Classes of layers by which tf.keras holds functions of TensorFlow.
TF_CLASSES = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")
#: Functions of TensorFlow under the names of keras.ops, with their arguments in order (renamed).
_TENSORFLOW: dict[str, tuple[str, tuple[str, ...]]] = {
    "__operators__.add": ("add", ("x1", "x2")),
    "__operators__.getitem": ("get_item", ("x", "key")),
    "abs": ("abs", ("x",)),
    "add": ("add", ("x1", "x2")),
    "argmax": ("argmax", ("x", "axis")),
    "argmin": ("argmin", ("x", "axis")),
    "cast": ("cast", ("x", "dtype")),
    "clip_by_value": ("clip", ("x", "x_min", "x_max")),
    "concat": ("concatenate", ("xs", "axis")),
    "equal": ("equal", ("x1", "x2")),
    "exp": ("exp", ("x",)),
    "expand_dims": ("expand_dims", ("x", "axis")),
    "gather": ("take", ("x", "indices", "axis")),
    "greater": ("greater", ("x1", "x2")),
    "greater_equal": ("greater_equal", ("x1", "x2")),
    "identity": ("identity", ("x",)),
    "less": ("less", ("x1", "x2")),
    "less_equal": ("less_equal", ("x1", "x2")),
    "logical_and": ("logical_and", ("x1", "x2")),
    "logical_not": ("logical_not", ("x",)),
    "logical_or": ("logical_or", ("x1", "x2")),
    "matmul": ("matmul", ("x1", "x2")),
    "maximum": ("maximum", ("x1", "x2")),
    "minimum": ("minimum", ("x1", "x2")),
    "multiply": ("multiply", ("x1", "x2")),
    "negative": ("negative", ("x",)),
    "not_equal": ("not_equal", ("x1", "x2")),
    "one_hot": ("one_hot", ("x", "num_classes")),
    "ones_like": ("ones_like", ("x",)),
    "pad": ("pad", ("x", "pad_width")),
    "pow": ("power", ("x1", "x2")),
    "realdiv": ("divide", ("x1", "x2")),
    "reduce_all": ("all", ("x", "axis", "keepdims")),
    "reduce_any": ("any", ("x", "axis", "keepdims")),
    "reduce_logsumexp": ("logsumexp", ("x", "axis", "keepdims")),
    "reduce_max": ("max", ("x", "axis", "keepdims")),
    "reduce_mean": ("mean", ("x", "axis", "keepdims")),
    "reduce_min": ("min", ("x", "axis", "keepdims")),
    "reduce_prod": ("prod", ("x", "axis", "keepdims")),
    "reduce_std": ("std", ("x", "axis", "keepdims")),
    "reduce_sum": ("sum", ("x", "axis", "keepdims")),
    "reduce_variance": ("var", ("x", "axis", "keepdims")),
    "repeat": ("repeat", ("x", "repeats", "axis")),
    "reshape": ("reshape", ("x", "newshape")),
    "reverse": ("flip", ("x", "axis")),
    "round": ("round", ("x",)),
    "split": ("split", ("x", "indices_or_sections", "axis")),
    "squeeze": ("squeeze", ("x", "axis")),
    "stack": ("stack", ("x", "axis")),
    "subtract": ("subtract", ("x1", "x2")),
    "tile": ("tile", ("x", "repeats")),
    "transpose": ("transpose", ("x", "axes")),
    "truediv": ("divide", ("x1", "x2")),
    "unstack": ("unstack", ("x", "num", "axis")),
    "where": ("where", ("condition", "x1", "x2")),
    "zeros_like": ("zeros_like", ("x",)),
    "nn.elu": ("elu", ("x",)),
    "nn.gelu": ("gelu", ("x", "approximate")),
    "nn.l2_normalize": ("l2_normalize", ("x", "axis", "epsilon")),
    "nn.leaky_relu": ("leaky_relu", ("x", "negative_slope")),
    "nn.log_softmax": ("log_softmax", ("x", "axis")),
    "nn.relu": ("relu", ("x",)),
    "nn.relu6": ("relu6", ("x",)),
    "nn.selu": ("selu", ("x",)),
    "nn.sigmoid": ("sigmoid", ("x",)),
    "nn.silu": ("silu", ("x",)),
    "nn.softmax": ("softmax", ("x", "axis")),
    "nn.softplus": ("softplus", ("x",)),
    "nn.softsign": ("softsign", ("x",)),
    "nn.swish": ("silu", ("x",)),
    "nn.tanh": ("tanh", ("x",)),
}
for _name in (
    "ceil",
    "cos",
    "erf",
    "expm1",
    "floor",
    "log",
    "log1p",
    "reciprocal",
    "rsqrt",
    "sigmoid",
    "sign",
):
    _TENSORFLOW[_name] = (_name, ("x",))
for _name in ("sin", "softplus", "sqrt", "square", "tan", "tanh"):
    _TENSORFLOW[_name] = (_name, ("x",))
for _name in ("floordiv", "floor_div"):
    _TENSORFLOW[_name] = ("floor_divide", ("x1", "x2"))
for _name in ("mod", "floormod"):
    _TENSORFLOW[_name] = ("mod", ("x1", "x2"))
#: TensorFlow's names of arguments behind the first, where they are other ones than those above.
_RENAMED = {
    "a": "x1",
    "alpha": "negative_slope",
    "axis": "axis",
    "b": "x2",
    "begin": "begin",
    "clip_value_max": "x_max",
    "clip_value_min": "x_min",
    "condition": "condition",
    "depth": "num_classes",
    "features": "x",
    "image": "x",
    "indices": "indices",
    "input": "x",
    "input_tensor": "x",
    "keepdims": "keepdims",
    "logits": "x",
    "multiples": "repeats",
    "num_or_size_splits": "indices_or_sections",
    "paddings": "pad_width",
    "perm": "axes",
    "shape": "newshape",
    "slice_spec": "key",
    "tensor": "x",
    "values": "xs",
    "x": "x1",
    "y": "x2",
}
#: Arguments that change nothing at these values.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "adjoint_a": (False,),
    "adjoint_b": (False,),
    "a_is_sparse": (False,),
    "b_is_sparse": (False,),
    "batch_dims": (0,),
    "conjugate": (False,),
    "constant_values": (0,),
    "mode": ("CONSTANT",),
    "name": (),
    "off_value": (None,),
    "on_value": (None,),
    "output_type": (),
    "transpose_a": (False,),
    "transpose_b": (False,),
    "validate_indices": (None,),
    "squeeze_dims": (None,),
}
#: Classes of Keras 3 whose name is not that of the function, in snake case.
_KERAS_3 = {"Sigmoid": "sigmoid", "GetItem": "get_item", "Relu6": "relu6"}


def is_operation(layer: Mapping[str, Any]) -> bool:
    """Whether a layer of a graph is a function without weights: of TensorFlow, or an operation of Keras 3."""
    from batchyard.models.layers.operations.functions import has_operation
    from batchyard.models.layers.registry import layers

    class_name = layer["class_name"]
    if class_name in TF_CLASSES:
        return True
    if class_name in layers and not has_operation(_snake(class_name)):  # some layers have nothing to train
        return False
    module = layer.get("module")
    if isinstance(module, str):
        return module.startswith(("keras.src.ops", "keras.ops"))
    nodes, config = layer.get("inbound_nodes"), layer.get("config") or {}
    of_keras_3 = isinstance(nodes, list) and nodes and isinstance(nodes[0], Mapping) and "args" in nodes[0]
    # in HDF5 there is no module, but each real layer says whether it is trainable
    return bool(of_keras_3) and "trainable" not in config and "layers" not in config


def written_operation(layer: Mapping[str, Any], calls: Sequence[Call], producer: Producer) -> dict[str, Any]:
    """Returns an operation as a `NamedOperation`, in the layout of Keras 2.2.4.

    Args:
        layer: its description.
        calls: of it; they differ in their tensors only.
        producer: who wrote it.

    Raises:
        InvalidArgumentError: where the function is none that this library knows.
    """
    nodes, described = [], []
    for call in calls:
        name, arguments = _function(layer, call, producer)
        tensors: list[Reference] = []
        described.append((name, _template(arguments, tensors)))
        nodes.append([[*reference, {}] for reference in tensors])
    if not described or any(one != described[0] for one in described):
        raise _refused(layer, producer, "it is called with different arguments")
    name, arguments = described[0]
    config = {"name": layer["name"], "operation": name, "args": [], "kwargs": arguments}
    return {"name": layer["name"], "class_name": "NamedOperation", "config": config, "inbound_nodes": nodes}


def _function(layer: Mapping[str, Any], call: Call, producer: Producer) -> tuple[str, dict[str, Any]]:
    """Returns the name of the operation, and its arguments by name."""
    config = layer.get("config") or {}
    if layer["class_name"] == "TensorFlowOpLayer":
        found = from_tensorflow_node(config, call)
        if found is None:
            raise _refused(layer, producer, "its node is not known")
        return found
    if layer["class_name"] in TF_CLASSES:
        return _of_tensorflow(layer, str(config.get("function")), call, producer)
    return _of_keras_3(layer, config, call, producer)


def _of_tensorflow(
    layer: Mapping[str, Any], function: str, call: Call, producer: Producer
) -> tuple[str, dict[str, Any]]:
    short = function.removeprefix("compat.v1.").removeprefix("math.").removeprefix("linalg.")
    if short not in _TENSORFLOW:
        short = short.removeprefix("nn.") if short.removeprefix("nn.") in _TENSORFLOW else short
    if short not in _TENSORFLOW:
        raise _refused(layer, producer, f"the function {function!r} is not known")
    name, parameters = _TENSORFLOW[short]
    arguments: dict[str, Any] = dict(zip(parameters, call.args, strict=False))
    for key, value in call.kwargs.items():
        new = key if key in parameters else _RENAMED.get(key, key)
        if new not in parameters and new in ("x", "x1", "xs"):
            new = parameters[0]
        if key == "axis" and name == "repeat":
            new = "axis"
        if short == "matmul" and key in ("transpose_a", "transpose_b") and value:
            raise _refused(layer, producer, f"{key}=True; write tf.transpose before it")
        if new in parameters:
            arguments[new] = value
        elif not (key in _NEUTRAL and (not _NEUTRAL[key] or value in _NEUTRAL[key])):
            raise _refused(layer, producer, f"its argument {key}={value!r:.60} is not known")
    return _adapted(name, short, arguments)


def _adapted(name: str, function: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Returns arguments with what is spelled or meant in another way by TensorFlow."""
    if name == "get_item":
        arguments["key"] = _key(arguments.get("key"))
    if name == "split" and isinstance(arguments.get("indices_or_sections"), list):
        places, at = [], 0
        for size in arguments["indices_or_sections"][:-1]:
            at += size
            places.append(at)
        arguments["indices_or_sections"] = places
    if name in ("split", "take", "concatenate", "stack", "unstack"):
        arguments.setdefault("axis", 0)
    if name in ("argmax", "argmin") and arguments.get("axis") is None:
        arguments["axis"] = 0
    if name == "gelu":
        arguments.setdefault("approximate", False)
    if name == "cast" and not isinstance(arguments.get("dtype"), str):
        arguments["dtype"] = "float32"
    return name, arguments


def _of_keras_3(
    layer: Mapping[str, Any], config: Mapping[str, Any], call: Call, producer: Producer
) -> tuple[str, dict[str, Any]]:
    import inspect

    from batchyard.models.layers.operations.functions import find_operation, has_operation

    name = _snake(layer["class_name"])
    if not has_operation(name):
        raise _refused(layer, producer, f"the operation {layer['class_name']} is not known")
    parameters = list(inspect.signature(find_operation(name)).parameters)
    arguments: dict[str, Any] = dict(zip(parameters, call.args, strict=False))
    given = {key: value for key, value in config.items() if key not in ("name", "dtype") or name == "cast"}
    given.pop("name", None)
    for key, value in {**given, **call.kwargs}.items():
        if key in parameters:
            arguments[key] = value
        elif value not in (None, False):
            raise _refused(layer, producer, f"its argument {key}={value!r:.60} is not known")
    if name == "get_item":
        arguments["key"] = _key(arguments.get("key"))
    return name, arguments


def _key(value: Any) -> Any:
    """Returns what stands in brackets, slices as `{"slice": [start, stop, step]}`."""
    if isinstance(value, list | tuple) and not isinstance(value, Reference):
        return [_key(item) for item in value]
    if isinstance(value, Mapping) and {"start", "stop"} <= set(value):
        return {"slice": [value.get("start"), value.get("stop"), value.get("step")]}
    if isinstance(value, Mapping) and value.get("type") == "Ellipsis":
        return {"ellipsis": True}
    return value


def _template(value: Any, tensors: list[Reference]) -> Any:
    """Returns arguments with a number for each tensor, and gathers the tensors."""
    if isinstance(value, Reference):
        if value not in tensors:
            tensors.append(value)
        return {"input": tensors.index(value)}
    if isinstance(value, list | tuple):
        return [_template(item, tensors) for item in value]
    if isinstance(value, Mapping):
        return {key: _template(item, tensors) for key, item in value.items()}
    return value


def _snake(class_name: str) -> str:
    if class_name in _KERAS_3:
        return _KERAS_3[class_name]
    letters = [f"_{c.lower()}" if c.isupper() and place else c.lower() for place, c in enumerate(class_name)]
    return "".join(letters)


def _refused(layer: Mapping[str, Any], producer: Producer, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"Layer {layer.get('name')!r} of class {layer['class_name']}, written by {producer}, is a function "
        f"on tensors that cannot be computed here: {why}. Put it into a Lambda layer with a named function "
        "before saving, and pass that function in custom_objects."
    )
