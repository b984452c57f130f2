"""Keras's way to make a node: with all that ours finds out by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from batchyard.models.engine import symbolic

__all__ = ["Node"]


class Node(symbolic.Node):
    """A node that connects a layer with tensors, for code that makes nodes by itself.

    Args:
        outbound_layer: the layer called.
        inbound_layers: that the inputs come from; follows from the inputs.
        node_indices: of the calls that made the inputs; follows from the inputs.
        tensor_indices: places of the inputs among the outputs of these calls; follows from the inputs.
        input_tensors: what the layer is called on.
        output_tensors: what it returns.
        input_masks: of the inputs; they come with the inputs.
        output_masks: of the outputs; they come with the outputs.
        input_shapes: of the inputs; follows from the inputs.
        output_shapes: of the outputs; follows from the outputs.
        arguments: further keyword arguments of the call.

    Source: Keras 2.2.4, `engine.base_layer.Node`.
    """

    def __init__(
        self,
        outbound_layer: Any,
        inbound_layers: Sequence[Any],
        node_indices: Sequence[int],
        tensor_indices: Sequence[int],
        input_tensors: Sequence[Any],
        output_tensors: Sequence[Any],
        input_masks: Sequence[Any],
        output_masks: Sequence[Any],
        input_shapes: Sequence[Any],
        output_shapes: Sequence[Any],
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(outbound_layer, list(input_tensors), list(output_tensors), dict(arguments or {}))
