"""Masks: which time steps count. They travel along a graph beside the tensors that they belong to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.backend.learning_phase import learning_phase_scope
from batchyard.models.engine.shape_inference import TRIAL_SIZES
from batchyard.models.engine.step_context import collecting
from batchyard.models.engine.symbolic import Shape, to_list, unpack_singleton

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer

__all__ = ["accepts", "infer_masks", "masks_of_outputs"]


def accepts(layer: Layer, argument: str) -> bool:
    """Whether a layer's `call` has an argument of that name."""
    call = layer.call
    return argument in _parameters(getattr(call, "__func__", call))


#: Parameters of `call`s seen so far; a plain dictionary, which torch's compiler can look into.
_known: dict[Callable[..., Any], frozenset[str]] = {}


def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    if function not in _known:
        _known[function] = frozenset(inspect.signature(function).parameters)
    return _known[function]


def masks_of_outputs(layer: Layer, inputs: Any, masks: Any, count: int) -> list[Any]:
    """Returns the mask, or None, of each of a layer's outputs.

    Args:
        layer: asked by its `compute_mask`.
        inputs: a tensor, or a list of them.
        masks: a mask or None, or a list of such.
        count: how many outputs there are.
    """
    found = to_list(layer.compute_mask(inputs, masks))
    return (found + [None] * count)[:count]


def infer_masks(
    layer: Layer, shapes: Sequence[Shape], masks: Sequence[Shape | None], count: int
) -> list[Shape | None]:
    """Finds which outputs of a layer have masks, and the masks' shapes, by running `compute_mask`.

    Args:
        layer: built.
        shapes: of the inputs.
        masks: shapes of the inputs' masks; None where there is none.
        count: how many outputs there are.

    Raises:
        MaskingError: if the layer does not support masks, and there is one.
    """
    first, second = (_trial(layer, shapes, masks, count, size) for size in TRIAL_SIZES)
    return [
        None
        if one is None or other is None
        else tuple(a if a == b else None for a, b in zip(one.shape, other.shape, strict=True))
        for one, other in zip(first, second, strict=True)
    ]


def _trial(
    layer: Layer, shapes: Sequence[Shape], masks: Sequence[Shape | None], count: int, size: int
) -> list[Tensor | None]:
    def tensors(device: str) -> tuple[Any, Any]:
        def one(shape: Shape | None, dtype: torch.dtype) -> Tensor | None:
            if shape is None:
                return None
            sizes = [size if n is None else n for n in shape]
            return torch.zeros(sizes, dtype=dtype, device=device)

        numbers = [one(shape, torch_dtype(layer.dtype)) for shape in shapes]
        flags = [one(shape, torch.bool) for shape in masks]
        return unpack_singleton(numbers), unpack_singleton(flags)

    with torch.no_grad(), learning_phase_scope(False), collecting():
        try:
            return masks_of_outputs(layer, *tensors("meta"), count)
        except (RuntimeError, NotImplementedError):
            # An operator without a meta kernel, or one that looks at numbers.
            return masks_of_outputs(layer, *tensors("cpu"), count)
