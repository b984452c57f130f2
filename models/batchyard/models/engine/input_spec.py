"""What a layer expects of an input, and the message when it gets something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchyard.models.engine.symbolic import Shape, to_list
from batchyard.models.errors import ShapeError

__all__ = ["InputSpec", "check_inputs"]


@dataclass(frozen=True)
class InputSpec:
    """What a layer expects of one input; None where it does not mind.

    Attributes:
        dtype: name of the dtype (informative).
        shape: the whole shape, None for open sizes.
        ndim: number of axes, the batch included.
        max_ndim: most axes.
        min_ndim: fewest axes.
        axes: sizes of certain axes, by number; none by default.
    """

    dtype: str | None = None
    shape: Shape | None = None
    ndim: int | None = None
    max_ndim: int | None = None
    min_ndim: int | None = None
    axes: Mapping[int, int | None] | None = None


def check_inputs(spec: Any, shapes: list[Shape], layer_name: str) -> None:
    """Compares shapes with what a layer expects.

    Args:
        spec: an `InputSpec`, a list of them, or None.
        shapes: one per input.
        layer_name: for messages.

    Raises:
        ShapeError: if one does not fit.
    """
    if not spec:
        return
    specs = to_list(spec)
    if len(specs) != len(shapes):
        raise ShapeError(
            f"Layer {layer_name} expects {len(specs)} inputs, but received {len(shapes)} with the shapes "
            f"{shapes}."
        )
    for number, (one, shape) in enumerate(zip(specs, shapes, strict=True)):
        problem = one and _problem(one, shape)
        if problem:
            raise ShapeError(
                f"Input {number} is incompatible with layer {layer_name}: {problem}. Full shape received: "
                f"{shape}."
            )


def _problem(spec: InputSpec, shape: Shape) -> str | None:
    ndim = spec.ndim if spec.shape is None else len(spec.shape)
    if ndim is not None and len(shape) != ndim:
        return f"expected ndim={ndim}, found ndim={len(shape)}"
    if spec.max_ndim is not None and len(shape) > spec.max_ndim:
        return f"expected max_ndim={spec.max_ndim}, found ndim={len(shape)}"
    if spec.min_ndim is not None and len(shape) < spec.min_ndim:
        return f"expected min_ndim={spec.min_ndim}, found ndim={len(shape)}"
    axes = dict(enumerate(spec.shape)) if spec.shape is not None else {}
    for axis, size in {**axes, **(spec.axes or {})}.items():
        if size is not None and shape[axis] not in (size, None):
            return f"expected axis {axis} of the input to have size {size}, found {shape[axis]}"
    return None
