"""Where a graph of layers begins."""

from __future__ import annotations

from typing import Any

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
        sparse: accepted for Keras's sake; only False.
        name: `input_1`, … if not given.

    Source: Keras 2.2.4, `engine.input_layer.InputLayer`.
    """

    def __init__(
        self,
        input_shape: Shape | None = None,
        batch_size: int | None = None,
        batch_input_shape: Shape | None = None,
        dtype: str | None = None,
        sparse: bool = False,
        name: str | None = None,
    ) -> None:
        if sparse:
            raise InvalidArgumentError("sparse=True is not supported: torch layers take dense tensors.")
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
        self.sparse = sparse
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
) -> SymbolicTensor:
    """Returns a symbolic tensor with which a functional model begins.

    Args:
        shape: without the batch axis.
        batch_shape: with the batch axis, instead.
        name: of the input layer.
        dtype: floatx by default.
        sparse: only False.

    Example:
        >>> x = Input(shape=(32,))
    """
    if shape is None and batch_shape is None:
        raise InvalidArgumentError("Input needs shape=(…) or batch_shape=(None, …). Received neither.")
    layer = InputLayer(shape, batch_input_shape=batch_shape, name=name, dtype=dtype, sparse=sparse)
    return layer.input  # type: ignore[no-any-return]
