"""Where a graph of layers begins."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.backend.configuration import floatx, torch_dtype
from batchyard.models.backend.names import get_uid
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Node, Shape, SymbolicTensor
from batchyard.models.errors import InvalidArgumentError

__all__ = ["Input", "InputLayer"]


class InputLayer(Layer):
    """An entry of a graph: it holds a symbolic tensor and computes nothing.

    Args:
        input_shape: without the batch axis.
        batch_size: size of the batch axis.
        batch_input_shape: with the batch axis, instead of the two.
        dtype: in which the model takes the input; floatx by default.
        input_tensor: a torch tensor that is the input's data, so that none are to be passed to `fit` and its
            like for this input; its rows are the rows of every other input.
        sparse: whether the data will be scipy's sparse matrices. Batches are made dense, so that all layers
            take them; configurations keep it.
        name: `input_1`, … if not given.

    Source: Keras 2.2.4, `engine.input_layer.InputLayer`.
    """

    def __init__(
        self,
        input_shape: Shape | None = None,
        batch_size: int | None = None,
        batch_input_shape: Shape | None = None,
        dtype: str | None = None,
        input_tensor: Any = None,
        sparse: bool = False,
        name: str | None = None,
    ) -> None:
        if input_tensor is not None:
            formula = isinstance(input_tensor, SymbolicTensor) and input_tensor._of_variables
            if not isinstance(input_tensor, Tensor) and not formula:
                raise InvalidArgumentError(
                    f"An input's tensor must be a torch tensor. Received: {input_tensor!r}. What Input or a "
                    "layer returned is used as it is."
                )
            input_shape, batch_size = None, None
            batch_input_shape = tuple(input_tensor.shape)
            dtype = dtype or str(input_tensor.dtype).removeprefix("torch.")
        if input_shape is None and batch_input_shape is None:
            raise InvalidArgumentError(
                "An InputLayer needs input_shape (without the batch axis) or batch_input_shape. Received "
                "neither."
            )
        super().__init__(
            name=name or f"input_{get_uid('input')}",
            trainable=False,
            dtype=dtype or floatx(),
            input_shape=input_shape,
            batch_size=batch_size,
            batch_input_shape=batch_input_shape,
        )
        self.built = True
        # No part of the model for torch: a parameter given here isn't the model's.
        kept = input_tensor.detach() if isinstance(input_tensor, Tensor) else input_tensor
        object.__setattr__(self, "input_tensor", kept)
        self.sparse = bool(sparse)
        self._tensor = SymbolicTensor(self.batch_input_shape, torch_dtype(self.dtype), self.name)
        Node(self, [], [self._tensor])

    @property
    def input(self) -> Any:
        """The symbolic tensor itself."""
        return self._tensor

    @property
    def input_shape(self) -> Any:
        """Its shape."""
        return self._tensor.shape

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            "batch_input_shape": self.batch_input_shape,
            "dtype": self.dtype,
            "sparse": self.sparse,
            "name": self.name,
        }


def Input(
    shape: Shape | None = None,
    batch_shape: Shape | None = None,
    name: str | None = None,
    dtype: str | None = None,
    sparse: bool = False,
    tensor: Any = None,
) -> SymbolicTensor:
    """Returns a symbolic tensor with which a functional model begins.

    Args:
        shape: without the batch axis.
        batch_shape: with the batch axis, instead.
        name: of the input layer.
        dtype: floatx by default.
        sparse: whether the data will be scipy's sparse matrices; batches of them are made dense.
        tensor: a torch tensor that is the input's data, instead of the shape: then none are to be passed to
            `fit` and its like for this input.

    Example:
        >>> x = Input(shape=(32,))
    """
    if shape is None and batch_shape is None and tensor is None:
        raise InvalidArgumentError("Input needs shape=(…) or batch_shape=(None, …). Received neither.")
    layer = InputLayer(
        shape, batch_input_shape=batch_shape, dtype=dtype, input_tensor=tensor, sparse=sparse, name=name
    )
    return layer.input  # type: ignore[no-any-return]
