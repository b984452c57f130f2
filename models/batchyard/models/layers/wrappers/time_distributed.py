"""A layer for each time step."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.masking import accepts
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.recurrent.names import rename_weights
from batchyard.models.layers.registry import layers
from batchyard.models.layers.wrappers.wrapper import Wrapper

__all__ = ["TimeDistributed"]


@layers.register()
class TimeDistributed(Wrapper):
    """Applies a layer to each time step, as if the time steps were rows.

    Args:
        layer: the layer within.
        **kwargs: of every layer.

    Input shape:
        (batch, time, …)

    Output shape:
        (batch, time, …): the layer's output for each step

    Example:
        >>> TimeDistributed(Dense(4))(torch.ones(2, 3, 5)).shape
        torch.Size([2, 3, 4])

    Source: Keras 2.2.4, `layers.TimeDistributed`.
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.input_spec = InputSpec(min_ndim=3)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        """Builds the layer within for the input of one time step."""
        before = {id(weight) for weight in self.layer.weights}
        self.layer._build_for([(None, *input_shape[2:])])
        rename_weights(self.layer, self.name, before)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the layer's output shape, with the axis of time."""
        inner = self.layer.compute_output_shape((input_shape[0], *input_shape[2:]))
        return (inner[0], input_shape[1], *inner[1:])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the masks of all steps, if the layer makes such; else one flag a step."""
        flat = None if mask is None or mask.ndim < 3 else mask.flatten(0, 1)
        if type(self.layer).compute_mask is not Layer.compute_mask:
            found = self.layer.compute_mask(inputs.flatten(0, 1), flat)
            if found is not None:
                return found.reshape(*inputs.shape[:2], *found.shape[1:])
        if mask is None or mask.ndim == 2:
            return mask
        return mask.flatten(2).any(2)

    def call(self, inputs: Tensor, mask: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Computes the output."""
        arguments: dict[str, Any] = {}
        if accepts(self.layer, "training"):
            arguments["training"] = training
        if mask is not None and mask.ndim > 2 and accepts(self.layer, "mask"):
            arguments["mask"] = mask.flatten(0, 1)
        output: Tensor = self.layer.call(inputs.flatten(0, 1), **arguments)
        return output.reshape(*inputs.shape[:2], *output.shape[1:])
