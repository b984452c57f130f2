"""Softmax as a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.activations.functions import softmax
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.registry import layers

__all__ = ["Softmax"]


@layers.register()
class Softmax(Layer):
    """exp(x), normalized to sum 1 along an axis.

    Args:
        axis: along which the sum is 1; a list, as later versions have it, for several together.
        **kwargs: of every layer.

    Input shape:
        any; in a list with a mask that fits it, as of later versions, elements where it is False become 0

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.Softmax`.
    """

    #: What the inputs in a list are, for calls of later versions.
    tensor_arguments = ("inputs", "mask")

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True

    def call(self, inputs: Tensor | Sequence[Tensor]) -> Tensor:
        """Computes the output."""
        x, counts = (inputs, None) if isinstance(inputs, Tensor) else (inputs[0], inputs[1] > 0.5)
        if counts is not None:
            x = torch.where(counts, x, torch.finfo(x.dtype).min / 2)
        if isinstance(self.axis, int):
            found = softmax(x, self.axis)
        else:
            found = torch.exp(x - torch.logsumexp(x, tuple(self.axis), keepdim=True))
        return found if counts is None else torch.where(counts, found, 0.0)

    def compute_output_shape(self, input_shape: Shape | list[Shape]) -> Shape:
        """Returns the input's shape."""
        return input_shape[0] if isinstance(input_shape, list) else input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "axis": self.axis}
