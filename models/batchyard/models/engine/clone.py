"""A model of the same architecture, with new weights."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.engine.input_layer import Input, InputLayer
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.model import Model
from batchyard.models.engine.sequential import Sequential
from batchyard.models.engine.symbolic import SymbolicTensor, to_list, unpack_singleton
from batchyard.models.errors import GraphError, InvalidArgumentError
from batchyard.models.saving.custom_objects import CustomObjectScope

__all__ = ["clone_model"]


def clone_model(model: Model, input_tensors: Any = None) -> Model:
    """Returns a model of the same architecture whose layers are new, with weights initialized anew.

    The clone is not compiled. A layer that is used several times is used several times in the clone, too.

    Args:
        model: made of layers: a Sequential, or a graph with inputs and outputs.
        input_tensors: what the clone begins with: outputs of `Input`, or torch tensors that are then its data
            (see `Input(tensor=…)`); a list if there are several. New inputs of the same shapes by default.

    Raises:
        InvalidArgumentError: if it is no such model, or the number of input tensors differs.

    Example:
        >>> from batchyard.models.layers import Dense
        >>> clone_model(Sequential([Dense(4, input_shape=(3,))])).output_shape
        (None, 4)

    Source: Keras 2.2.4, `models.clone_model`.
    """
    if not isinstance(model, Model):
        raise InvalidArgumentError(f"clone_model needs a model. Received: {model!r}.")
    given = None if input_tensors is None else [_as_input(tensor) for tensor in to_list(input_tensors)]
    inner = {type(layer).__name__: type(layer) for layer in model._with_inner_layers()}
    with CustomObjectScope(inner):
        if isinstance(model, Sequential):
            return _clone_sequential(model, given)
        return _clone_graph(model, given)


def _as_input(tensor: Any) -> SymbolicTensor:
    if isinstance(tensor, SymbolicTensor):
        return tensor
    if isinstance(tensor, Tensor):
        return Input(tensor=tensor)
    raise InvalidArgumentError(f"input_tensors must be tensors. Received: {tensor!r}.")


def _clone_layer(layer: Layer) -> Layer:
    return clone_model(layer) if isinstance(layer, Model) else layer.clone()


def _clone_sequential(model: Sequential, given: list[SymbolicTensor] | None) -> Sequential:
    chain = model.chain
    if given is not None:
        if len(given) != 1:
            raise InvalidArgumentError(f"A Sequential has one input. Received: {len(given)} input tensors.")
        begin = given[0]._keras_history.layer
        if not isinstance(begin, InputLayer):
            raise InvalidArgumentError(
                f"A Sequential begins with an output of Input or with a torch tensor. Received: {given[0]!r}."
            )
        rest = chain[1:] if chain and isinstance(chain[0], InputLayer) else chain
        return Sequential([begin, *map(_clone_layer, rest)], name=model.name)
    return Sequential([_clone_layer(layer) for layer in chain], name=model.name)


def _clone_graph(model: Model, given: list[SymbolicTensor] | None) -> Model:
    if given is None:
        given = [
            Input(batch_shape=tensor.shape, dtype=tensor._keras_history.layer.dtype, name=name)
            for tensor, name in zip(model.inputs, model.input_names, strict=True)
        ]
    if len(given) != len(model.inputs):
        raise InvalidArgumentError(
            f"clone_model needs one input tensor per input: expected {len(model.inputs)} for "
            f"{model.input_names}, received {len(given)}."
        )
    new_of = {id(old): new for old, new in zip(model.inputs, given, strict=True)}
    layers: dict[Layer, Layer] = {}
    for node in model.nodes:
        if node.is_entry:
            continue
        old = node.outbound_layer
        if node.captured:
            raise GraphError(
                f"Layer {old.name} uses symbolic tensors from outside of its input, which a clone cannot "
                "replace. Pass all of them as one list: layer([x, other])."
            )
        if old not in layers:
            layers[old] = _clone_layer(old)
        inputs, arguments = node.filled([new_of[id(source)] for source in node.sources])
        outputs = to_list(layers[old](unpack_singleton(inputs), **arguments))
        new_of.update({id(one): new for one, new in zip(node.output_tensors, outputs, strict=True)})
    return Model(given, [new_of[id(output)] for output in model.outputs], name=model.name)
