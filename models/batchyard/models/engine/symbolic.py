"""Tensors without numbers, and the nodes that connect layers by them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import numpy as np
import torch

from batchyard.models.engine.backward_slices import sliced
from batchyard.models.engine.structure import Slot, fill, map_structure

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.observation import Observation

__all__ = [
    "LEARNING_PHASE",
    "History",
    "Node",
    "Shape",
    "SymbolicTensor",
    "is_symbolic",
    "to_list",
    "unpack_singleton",
]

#: A shape; None where the size is open, as in the batch axis.
Shape = tuple[int | None, ...]


class History(NamedTuple):
    """Where a symbolic tensor comes from: output `tensor_index` of call `node_index` of a layer."""

    layer: Layer
    node_index: int
    tensor_index: int


def _apply(function: Callable[..., Any], *args: Any) -> Any:
    from batchyard.models.engine.operation import apply_symbolically

    dtype = next(arg.dtype for arg in args if isinstance(arg, SymbolicTensor))
    plain = [torch.as_tensor(a).to(dtype) if isinstance(a, np.ndarray | np.generic) else a for a in args]
    return apply_symbolically(function, plain)


_INSTEAD_OF_IN_PLACE: dict[str, Callable[..., Any]] = {
    "__iadd__": operator.add,
    "__isub__": operator.sub,
    "__imul__": operator.mul,
    "__itruediv__": operator.truediv,
    "__idiv__": operator.truediv,
}


class Arithmetic:
    """Python's operators and torch's functions for symbolic tensors: each makes a node of the graph.

    `==` compares identities, as symbolic tensors are keys of dictionaries; use `backend.equal`.
    """

    #: Lets numpy's numbers and arrays leave `array + tensor` to the tensor.
    __array_ufunc__ = None

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Is what torch calls for its functions on symbolic tensors."""
        from batchyard.models.engine.operation import apply_symbolically

        # `variable += symbolic`: the variable stays as it is, and the name gets a tensor of the graph.
        function = _INSTEAD_OF_IN_PLACE.get(getattr(function, "__name__", ""), function)
        return apply_symbolically(function, args, kwargs)

    def __add__(self, other: Any) -> Any:
        return _apply(operator.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return _apply(operator.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return _apply(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return _apply(operator.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return _apply(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return _apply(operator.mul, other, self)

    def __truediv__(self, other: Any) -> Any:
        return _apply(operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _apply(operator.truediv, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _apply(operator.floordiv, self, other)

    def __mod__(self, other: Any) -> Any:
        return _apply(operator.mod, self, other)

    def __pow__(self, other: Any) -> Any:
        return _apply(operator.pow, self, other)

    def __rpow__(self, other: Any) -> Any:
        return _apply(operator.pow, other, self)

    def __matmul__(self, other: Any) -> Any:
        return _apply(operator.matmul, self, other)

    def __neg__(self) -> Any:
        return _apply(operator.neg, self)

    def __abs__(self) -> Any:
        return _apply(operator.abs, self)

    def __invert__(self) -> Any:
        return _apply(operator.invert, self)

    def __and__(self, other: Any) -> Any:
        return _apply(operator.and_, self, other)

    def __or__(self, other: Any) -> Any:
        return _apply(operator.or_, self, other)

    def __lt__(self, other: Any) -> Any:
        return _apply(operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return _apply(operator.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return _apply(operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return _apply(operator.ge, self, other)

    def __getitem__(self, index: Any) -> Any:
        return _apply(sliced, self, index)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("A symbolic tensor has no numbers to iterate over. Take parts of it by tensor[…].")


class SymbolicTensor(Arithmetic):
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
        #: Numbers that follow from shapes alone, by the size that a trial gives to open sizes.
        self._trial_values: dict[int, torch.Tensor] = {}
        #: Whether its numbers follow from variables alone, and from no input.
        self._of_variables = False
        #: Whether only what is not zero will be stored.
        self._is_sparse = False

    @property
    def _uses_learning_phase(self) -> bool:
        """Whether its numbers differ between training and test."""
        from batchyard.models.engine.observation import depends_on_phase

        return depends_on_phase(self)

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


#: 1 in training, 0 in test: what `backend.learning_phase()` returns where neither is decided yet.
LEARNING_PHASE = SymbolicTensor((), torch.int64, "keras_learning_phase")


class Node:
    """One call of a layer on symbolic tensors.

    Attributes:
        outbound_layer: the layer called.
        sources: what it was called on; nothing where an input layer begins a graph. Symbolic tensors among
            the keyword arguments and those that a function brings along come last.
        positional: how many of the sources are the input itself.
        captured: how many of the sources a function brought along.
        output_tensors: what it returned.
        arguments: further keyword arguments of the call; a `Slot` stands for a source.
        linked: whether it connects something.
        index: of the call among those of the layer.

    Args:
        layer: the layer called.
        inputs: what it was called on.
        outputs: what it returned.
        arguments: further keyword arguments of the call, with symbolic tensors.
        captured: symbolic tensors that a function brings along.
        linked: False for the node that a network makes of its own inputs and outputs: it connects nothing.
    """

    def __init__(
        self,
        layer: Layer,
        inputs: list[SymbolicTensor],
        outputs: list[SymbolicTensor],
        arguments: dict[str, Any] | None = None,
        captured: Sequence[SymbolicTensor] = (),
        linked: bool = True,
    ) -> None:
        self.outbound_layer = layer
        self.sources = list(inputs)
        self.positional = len(inputs)
        self.captured = len(captured)
        self.arguments = map_structure(arguments or {}, self._slot)
        self.sources += captured
        self.output_tensors = outputs
        self.linked = linked
        self.index = len(layer._inbound_nodes)
        layer._inbound_nodes.append(self)
        if linked:
            for number, tensor in enumerate(outputs):
                tensor._keras_history = History(layer, self.index, number)
            for tensor in self.sources:
                tensor._keras_history.layer._outbound_nodes.append(self)
            if not self.is_entry and all(tensor._of_variables for tensor in self.sources):
                for tensor in outputs:
                    tensor._of_variables = True

    @property
    def is_entry(self) -> bool:
        """Whether a graph begins here with what is fed; an operation on variables has no source either."""
        return not self.sources and not self.outbound_layer._needs_no_input

    def _slot(self, argument: Any) -> Any:
        if not isinstance(argument, SymbolicTensor) or argument is LEARNING_PHASE:
            return argument
        self.sources.append(argument)
        return Slot(len(self.sources) - 1)

    def filled(self, values: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Returns inputs and keyword arguments, with values in the place of symbolic tensors.

        Args:
            values: one per source.
        """
        arguments: dict[str, Any] = fill(self.arguments, values)
        return list(values[: self.positional]), arguments

    @cached_property
    def observed(self) -> Observation:
        """What the call does besides computing."""
        from batchyard.models.engine.observation import observe

        return observe(self)

    @cached_property
    def losses(self) -> list[SymbolicTensor]:
        """The losses that the call tells in training."""
        from batchyard.models.engine.told import told_losses

        return told_losses(self)

    @cached_property
    def updates(self) -> list[SymbolicTensor]:
        """The new values of the variables that the call updates in training; computing them sets them."""
        from batchyard.models.engine.told import told_updates

        return told_updates(self)

    @property
    def input_tensors(self) -> list[SymbolicTensor]:
        """The inputs; where a graph begins, what begins it."""
        return self.sources[: self.positional] or self.output_tensors

    @property
    def input_shapes(self) -> list[Shape]:
        """Shapes of the inputs."""
        return [tensor.shape for tensor in self.input_tensors]

    @property
    def output_shapes(self) -> list[Shape]:
        """Shapes of the outputs."""
        return [tensor.shape for tensor in self.output_tensors]

    @property
    def input_masks(self) -> list[SymbolicTensor | None]:
        """Masks of the inputs, None where there is none."""
        from batchyard.models.engine.mask_of import mask_of

        return [mask_of(tensor) for tensor in self.input_tensors]

    @property
    def output_masks(self) -> list[SymbolicTensor | None]:
        """Masks of the outputs, None where there is none."""
        from batchyard.models.engine.mask_of import mask_of

        return [mask_of(tensor) for tensor in self.output_tensors]

    @property
    def inbound_layers(self) -> list[Layer]:
        """The layers that the inputs come from, one per input."""
        return [tensor._keras_history.layer for tensor in self.sources]

    @property
    def node_indices(self) -> list[int]:
        """For each input the number of the call that made it."""
        return [tensor._keras_history.node_index for tensor in self.sources]

    @property
    def tensor_indices(self) -> list[int]:
        """For each input its place among the outputs of that call."""
        return [tensor._keras_history.tensor_index for tensor in self.sources]

    def get_config(self) -> dict[str, Any]:
        """Returns the names of the layers that the call connects, and at which of their calls and outputs."""
        return {
            "outbound_layer": self.outbound_layer.name,
            "inbound_layers": [layer.name for layer in self.inbound_layers],
            "node_indices": self.node_indices,
            "tensor_indices": self.tensor_indices,
        }


def is_symbolic(value: Any) -> TypeGuard[SymbolicTensor | list[SymbolicTensor]]:
    """Whether a value is a symbolic tensor or a list with one."""
    if isinstance(value, (list, tuple)):
        return any(isinstance(item, SymbolicTensor) for item in value)
    return isinstance(value, SymbolicTensor)


def to_list(value: Any) -> list[Any]:
    """Returns lists and tuples as a list, anything else as a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]


def unpack_singleton(values: list[Any]) -> Any:
    """Returns the only item of a list of one, other lists as they are."""
    return values[0] if len(values) == 1 else values
