"""Tensors without numbers, and the nodes that connect layers by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import torch

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer

__all__ = ["History", "Node", "Shape", "SymbolicTensor", "is_symbolic", "to_list", "unpack_singleton"]

#: A shape; None where the size is open, as in the batch axis.
Shape = tuple[int | None, ...]


class History(NamedTuple):
    """Where a symbolic tensor comes from: output `tensor_index` of call `node_index` of a layer."""

    layer: Layer
    node_index: int
    tensor_index: int


class SymbolicTensor:
    """What `Input` and layers called on symbolic tensors return: a shape, a dtype and an origin, but no
    numbers.

    Args:
        shape: with None for open sizes.
        dtype: of the numbers to come.
        name: for messages.
    """

    _keras_history: History

    def __init__(self, shape: Shape, dtype: torch.dtype, name: str) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype
        self.name = name
        #: Shape and name of the mask that comes with the numbers; None if there is none.
        self._keras_mask: SymbolicTensor | None = None

    @property
    def _keras_shape(self) -> Shape:
        return self.shape

    @property
    def ndim(self) -> int:
        """The number of axes, the batch included."""
        return len(self.shape)

    def __repr__(self) -> str:
        dtype = str(self.dtype).removeprefix("torch.")
        return f"<SymbolicTensor {self.name!r} shape={self.shape} dtype={dtype}>"


class Node:
    """One call of a layer on symbolic tensors.

    Args:
        layer: the layer called.
        inputs: what it was called on.
        outputs: what it returned.
        arguments: further keyword arguments of the call.
        linked: False for the node that a network makes of its own inputs and outputs: it connects nothing.
    """

    def __init__(
        self,
        layer: Layer,
        inputs: list[SymbolicTensor],
        outputs: list[SymbolicTensor],
        arguments: dict[str, Any] | None = None,
        linked: bool = True,
    ) -> None:
        self.outbound_layer = layer
        self.input_tensors = inputs
        self.output_tensors = outputs
        self.arguments = arguments or {}
        self.index = len(layer._inbound_nodes)
        layer._inbound_nodes.append(self)
        if linked:
            for number, tensor in enumerate(outputs):
                tensor._keras_history = History(layer, self.index, number)
            for tensor in inputs:
                tensor._keras_history.layer._outbound_nodes.append(self)

    @property
    def input_shapes(self) -> list[Shape]:
        """Shapes of the inputs."""
        return [tensor.shape for tensor in self.input_tensors]

    @property
    def output_shapes(self) -> list[Shape]:
        """Shapes of the outputs."""
        return [tensor.shape for tensor in self.output_tensors]

    @property
    def inbound_layers(self) -> list[Layer]:
        """The layers that the inputs come from, one per input."""
        return [tensor._keras_history.layer for tensor in self.input_tensors]

    @property
    def node_indices(self) -> list[int]:
        """For each input the number of the call that made it."""
        return [tensor._keras_history.node_index for tensor in self.input_tensors]

    @property
    def tensor_indices(self) -> list[int]:
        """For each input its place among the outputs of that call."""
        return [tensor._keras_history.tensor_index for tensor in self.input_tensors]


def is_symbolic(value: Any) -> TypeGuard[SymbolicTensor | list[SymbolicTensor]]:
    """Whether a value is a symbolic tensor or a list with one."""
    if isinstance(value, list | tuple):
        return any(isinstance(item, SymbolicTensor) for item in value)
    return isinstance(value, SymbolicTensor)


def to_list(value: Any) -> list[Any]:
    """Returns lists and tuples as a list, anything else as a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]


def unpack_singleton(values: list[Any]) -> Any:
    """Returns the only item of a list of one, other lists as they are."""
    return values[0] if len(values) == 1 else values
