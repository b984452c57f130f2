"""One function of tensors as a layer that files can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from torch import Tensor

from batchyard.models.engine.operation import Operation
from batchyard.models.engine.structure import Slot
from batchyard.models.engine.symbolic import Shape, SymbolicTensor
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.operations.functions import find_operation
from batchyard.models.layers.registry import layers

__all__ = ["NamedOperation"]

#: How deep lists of arguments may be nested.
_DEPTH_LIMIT = 16


@layers.register()
class NamedOperation(Operation):
    """Computes one of a fixed list of functions: what `TFOpLambda` and Keras 3's operations become here.

    Args:
        operation: its name, such as "add", "reshape" or "concatenate": those of `keras.ops`.
        args: its arguments as JSON values. `{"input": n}` stands for the layer's input number n,
            `{"slice": [start, stop, step]}` for a slice, `{"ellipsis": true}` for `...`.
        kwargs: likewise, by name.
        name: `add_1`, … if not given.
        trainable: accepted, as for every layer; there are no weights.
        dtype: accepted, as for every layer.
        batch_input_shape: for the first layer of a Sequential.

    Input shape:
        any; a list where the function takes several tensors

    Output shape:
        as the function says

    Example:
        >>> NamedOperation("multiply", [{"input": 0}, 2.0])(torch.ones(2))
        tensor([2., 2.])

    Source: own; Keras 3's `Operation` and tf.keras's `TFOpLambda`.
    """

    def __init__(
        self,
        operation: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any] | None = None,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | None = None,
        batch_input_shape: Shape | None = None,
    ) -> None:
        self.operation = operation
        self._given = {"args": list(args), "kwargs": dict(kwargs or {})}
        function = find_operation(operation)
        super().__init__(function, _decoded(list(args)), _decoded(dict(kwargs or {})))
        super(Operation, self).__init__(name, trainable, dtype, batch_input_shape)
        self.name = name or self.name.replace("named_operation", self.operation)
        self._needs_no_input = False  # its inputs come with its first call
        self.built = True

    def _symbolic_outputs(
        self,
        shapes: list[Shape],
        inputs: list[SymbolicTensor],
        arguments: dict[str, Any],
        captured: list[SymbolicTensor],
    ) -> list[SymbolicTensor]:
        self._dtypes = [tensor.dtype for tensor in inputs]
        self._known = [tensor._trial_values for tensor in inputs]
        return super()._symbolic_outputs(shapes, inputs, arguments, captured)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the outputs' shapes, found by running the function on tensors without numbers."""
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        if len(self._dtypes) != len(shapes):
            import torch

            self._dtypes, self._known = [torch.float32] * len(shapes), [{}] * len(shapes)
        return super().compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        """Computes the outputs: one tensor, or a list of all tensors that the function returns."""
        found: Tensor | list[Tensor] = super().call(inputs)
        return found

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        # an operation on symbolic tensors refuses to be described; this one is a layer like others
        return {**super(Operation, self).get_config(), "operation": self.operation, **self._given}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Makes a layer from what `get_config` returned."""
        return cls(**config)


def _decoded(value: Any, depth: int = 0) -> Any:
    if depth > _DEPTH_LIMIT:
        raise InvalidArgumentError(
            f"The arguments of an operation may be nested {_DEPTH_LIMIT} deep, and these are nested deeper."
        )
    if isinstance(value, list | tuple):
        return [_decoded(item, depth + 1) for item in value]
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"input"} and isinstance(value["input"], int):
        return Slot(value["input"])
    if set(value) == {"slice"} and isinstance(value["slice"], list) and len(value["slice"]) == 3:
        return slice(*[_decoded(item, depth + 1) for item in value["slice"]])
    if set(value) == {"ellipsis"}:
        return Ellipsis
    return {key: _decoded(item, depth + 1) for key, item in value.items()}
