"""Calls of layers in a graph: nodes of tf.keras and Keras 3, as lists of tensors with arguments."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.saving.foreign.producer import KERAS_3, Producer
from batchyard.models.saving.foreign.references import as_reference, references

__all__ = ["Call", "read_calls", "written"]

#: Classes that take further tensors by these names, in this order behind the input.
_STATE_ARGUMENTS = ("initial_state", "constants")
_RECURRENT = {
    "Bidirectional",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "CuDNNGRU",
    "CuDNNLSTM",
    "GRU",
    "LSTM",
    "RNN",
    "SimpleRNN",
}
#: Positional arguments behind the first one, by class.
_POSITIONAL: dict[str, tuple[str, ...]] = dict.fromkeys(_RECURRENT, ("initial_state", "mask", "training"))
_POSITIONAL.update(
    dict.fromkeys(
        ("AdditiveAttention", "Attention"), ("mask", "training", "return_attention_scores", "use_causal_mask")
    )
)
_CONSTANT = "_CONSTANT_VALUE"


@dataclass
class Call:
    """One call of a layer.

    Attributes:
        args: positional arguments, with `Reference`s for tensors at any depth.
        kwargs: arguments by name, likewise.
    """

    args: list[Any]
    kwargs: dict[str, Any] = field(default_factory=dict)


def read_calls(layer: Mapping[str, Any], names: Collection[str]) -> list[Call]:
    """Returns the calls of a layer, whoever wrote them.

    Args:
        layer: its description, with `inbound_nodes`.
        names: all layers of the graph.
    """
    return [_read_call(node, names) for node in layer.get("inbound_nodes") or []]


def _read_call(node: Any, names: Collection[str]) -> Call:
    if isinstance(node, Mapping) and "args" in node:
        kwargs = node.get("kwargs") or {}
        return Call(list(node["args"]), {key: item for key, item in kwargs.items() if item is not None})
    kwargs = {}

    def tensor(item: Any) -> Any:
        if isinstance(item, list) and len(item) in (3, 4) and isinstance(item[0], str):
            if len(item) == 4 and isinstance(item[3], Mapping):
                kwargs.update({key: _with_references(value, names) for key, value in item[3].items()})
            if item[0] == _CONSTANT:
                return item[2]
            found = as_reference(item, names)
            if found is None:
                raise InvalidArgumentError(
                    f"The model's configuration connects layer {item[0]!r}, which it does not contain."
                )
            return found
        if isinstance(item, list):
            return [tensor(one) for one in item]
        if isinstance(item, Mapping):
            return {key: tensor(one) for key, one in item.items()}
        return item

    first = tensor(node)
    return Call([first], {key: item for key, item in kwargs.items() if item is not None})


def _with_references(value: Any, names: Collection[str]) -> Any:
    found = as_reference(value, names)
    if found is not None:
        return found
    if isinstance(value, list):
        if len(value) >= 3 and value[0] == _CONSTANT:
            return value[2]
        return [_with_references(item, names) for item in value]
    if isinstance(value, Mapping):
        return {key: _with_references(item, names) for key, item in value.items()}
    return value


def written(call: Call, layer: Mapping[str, Any], producer: Producer) -> tuple[list[list[Any]], int]:
    """Returns a call in the layout of Keras 2.2.4, and how many of its tensors are constants of an RNN.

    Args:
        call: of a layer that takes one tensor, or a list of them.
        layer: its description.
        producer: who wrote it, for messages.

    Raises:
        InvalidArgumentError: where the call has tensors among its arguments that Keras 2.2.4 cannot express.
    """
    class_name = layer["class_name"]
    names = getattr(_class_of(class_name), "tensor_arguments", None)
    if names is not None:
        call = _with_list(call, names, producer)
    kwargs = dict(call.kwargs)
    for name, item in zip(_POSITIONAL.get(class_name, ("training",)), call.args[1:], strict=False):
        if item is not None:
            kwargs[name] = item
    # arguments by name may bring the input too, as in layer(inputs=x)
    first = call.args[0] if call.args else [kwargs.pop(key) for key in list(kwargs) if key == "inputs"]
    tensors = list(references(first))
    constants = 0
    if class_name in _RECURRENT:
        for key in _STATE_ARGUMENTS:
            found = list(references(kwargs.pop(key, None)))
            constants = len(found) if key == "constants" else 0
            tensors += found
    for key, item in kwargs.items():
        if next(references(item), None) is not None:
            raise InvalidArgumentError(
                f"Layer {layer.get('name')!r} of class {class_name} was called by {producer} with the tensor "
                f"{next(references(item)).layer!r} as argument {key!r}. A file of Keras 2.2 holds tensors "
                "as inputs only, so such a call cannot be made here. Write the layer so that it takes "
                f"a list of inputs, and pass it in custom_objects={{{class_name!r}: YourLayer}}."
            )
    if producer.family == KERAS_3:
        kwargs.pop("training", None)  # there it is what fit and predict say, whatever the call said
    arguments = {key: item for key, item in kwargs.items() if _counts(class_name, key, item)}
    return [[*reference, arguments] for reference in tensors], constants


def _with_list(call: Call, names: Sequence[str], producer: Producer) -> Call:
    """Returns a call of a layer that gets its tensors in a list here, and one by one there.

    Args:
        call: with the tensors by place or by name.
        names: of the tensors, in the order of the list; one that is not given is the one before it.
        producer: who wrote it.
    """
    order = list(names)
    if "attention_mask" in names and producer.family == KERAS_3:
        order = [*names[:3], "query_mask", "value_mask", "key_mask", "attention_mask"]
    order += ["return_attention_scores", "training", "use_causal_mask"] if "key" in names else []
    given = dict(zip(order, call.args, strict=False))
    given.update(call.kwargs)
    tensors: list[Any] = []
    for name in names:
        tensors.append(given.pop(name, None))
    while tensors and tensors[-1] is None:
        tensors.pop()
    filled = [item if item is not None else tensors[place - 1] for place, item in enumerate(tensors)]
    return Call([filled], {key: item for key, item in given.items() if item is not None})


def _counts(class_name: str, key: str, value: Any) -> bool:
    """Whether an argument of a call says more than what is done anyway."""
    if value is None or key in ("mask", "name"):
        return False
    if key == "training":
        return _takes_training(class_name)
    return True


def _class_of(class_name: str) -> Any:
    """Returns the class of that name; None if there is none."""
    from batchyard.models.layers.registry import layers
    from batchyard.models.saving.custom_objects import find_custom_object

    found = find_custom_object(class_name)
    return layers.find(class_name) if found is None and class_name in layers else found


def _takes_training(class_name: str) -> bool:
    import inspect

    call = getattr(_class_of(class_name), "call", None)
    if call is None:
        return False
    parameters: Sequence[str] = list(inspect.signature(call).parameters)
    return "training" in parameters
