"""The mask that comes with a symbolic tensor, as a symbolic tensor of its own."""

from __future__ import annotations

from typing import Any

import torch

from batchyard.models.engine.operation import Operation
from batchyard.models.engine.symbolic import Shape, SymbolicTensor

__all__ = ["mask_of"]


class MaskOf(Operation):
    """Gives the mask of its input instead of the numbers."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the mask."""
        return mask

    def _symbolic_outputs(
        self,
        shapes: list[Shape],
        inputs: list[SymbolicTensor],
        arguments: dict[str, Any],
        captured: list[SymbolicTensor],
    ) -> list[SymbolicTensor]:
        mask = inputs[0]._keras_mask
        assert mask is not None  # `mask_of` asks for no other
        return [SymbolicTensor(mask.shape, torch.bool, mask.name)]


def mask_of(tensor: SymbolicTensor) -> SymbolicTensor | None:
    """Returns the mask of a tensor, with which functions of K can compute; None if it has none."""
    mask = tensor._keras_mask
    if mask is not None and not hasattr(mask, "_keras_history"):
        mask = tensor._keras_mask = MaskOf(mask_of, [tensor])(tensor)
    return mask
