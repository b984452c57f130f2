"""Products of two inputs, summed along an axis of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from batchyard.models import backend
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.shape_inference import infer_output_shape
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import GraphError, InvalidArgumentError, ShapeError
from batchyard.models.layers.merge.merge import check_several
from batchyard.models.layers.registry import layers

__all__ = ["Dot"]


@layers.register()
class Dot(Layer):
    """Multiplies two inputs row by row, and sums along an axis of each.

    Args:
        axes: the axis of both, or a pair of axes.
        normalize: whether to bring the inputs to length 1 along the axes first: then it is the cosine.
        **kwargs: of every layer.

    Input shape:
        a list of two shapes, with equal sizes along the axes

    Output shape:
        (batch, the first's other sizes, the second's other sizes); (batch, 1) if there are none; with
        more than three axes as `backend.batch_dot` says

    Source: Keras 2.2.4, `layers.Dot`.
    """

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axes, int):
            pair = list(axes) if isinstance(axes, list | tuple) else []
            if len(pair) != 2 or not all(isinstance(axis, int) for axis in pair):
                raise InvalidArgumentError(f"Dot needs axes as a number, or two of them. Received: {axes!r}.")
        self.axes = axes
        self.normalize = normalize
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Checks that the inputs fit."""
        check_several(self, input_shape)
        if len(input_shape) != 2:
            raise GraphError(f"Layer {self.name} needs exactly 2 inputs. Received: {len(input_shape)}.")
        first, second = self._axes(len(input_shape[0]), len(input_shape[1]))
        sizes = {input_shape[0][first], input_shape[1][second]} - {None}
        if len(sizes) > 1:
            raise ShapeError(
                f"Layer {self.name} needs equal sizes along axes {first} and {second}. "
                f"Received: {input_shape}."
            )
        self.built = True

    def _axes(self, first: int, second: int) -> tuple[int, int]:
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else tuple(self.axes)
        return axes[0] % first, axes[1] % second

    def call(self, inputs: Sequence[Tensor]) -> Any:
        """Computes the output."""
        one, other = inputs
        first, second = self._axes(one.ndim, other.ndim)
        if self.normalize:
            one, other = backend.l2_normalize(one, axis=first), backend.l2_normalize(other, axis=second)
        return backend.batch_dot(one, other, axes=(first, second))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Returns the sizes that are not summed along."""
        one, other = (list(shape) for shape in input_shape)
        first, second = self._axes(len(one), len(other))
        if max(len(one), len(other)) > 3:  # there are cases; see `backend.batch_dot`
            return infer_output_shape(self, input_shape)  # type: ignore[no-any-return]
        del one[first], other[second]
        shape = (*one, *other[1:])
        return (*shape, 1) if len(shape) == 1 else shape

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Returns None: a sum over steps has no mask."""
        return

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}
