"""Open sizes of symbolic tensors where constants in a function's arguments fix some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product

from torch import Tensor

from batchyard.models.engine.symbolic import Shape

__all__ = ["ERRORS", "outputs_by_search"]

#: What a function raises for sizes that do not fit.
ERRORS = (RuntimeError, NotImplementedError, TypeError, ValueError, IndexError)
#: The most combinations that are tried.
_LIMIT = 512
#: What an open size is enlarged by, to see which sizes of the outputs follow it.
_MORE = 5


def outputs_by_search(
    run: Callable[[list[Shape]], list[Tensor]], shapes: Sequence[Shape], sizes: Iterable[int]
) -> list[tuple[Shape, Tensor]] | None:
    """Tries sizes for each open axis on its own, until a function can be applied.

    Args:
        run: applies the function to inputs of such shapes; returns its outputs.
        shapes: of the inputs, None where open.
        sizes: that constants among the arguments have; these are tried.

    Returns:
        For each output its shape, with None where it follows an open size, and an output of that kind; None
        if no sizes fit.
    """
    places = [
        (number, axis) for number, shape in enumerate(shapes) for axis, n in enumerate(shape) if n is None
    ]
    candidates = list(dict.fromkeys((*sizes, 2)))
    if len(candidates) ** len(places) > _LIMIT:
        return None

    def attempt(chosen: Sequence[int]) -> list[Tensor] | None:
        filled = [list(shape) for shape in shapes]
        for (number, axis), size in zip(places, chosen, strict=True):
            filled[number][axis] = size
        try:
            return run([tuple(shape) for shape in filled])
        except ERRORS:
            return None

    for chosen in product(candidates, repeat=len(places)):
        found = attempt(chosen)
        if found is None:
            continue
        open_shapes: list[list[int | None]] = [list(one.shape) for one in found]
        for place in range(len(places)):
            larger = attempt([size + _MORE * (place == at) for at, size in enumerate(chosen)])
            for shape, other in zip(open_shapes, larger or (), strict=False):
                for axis, size in enumerate(other.shape):
                    if shape[axis] != size:
                        shape[axis] = None
        return [(tuple(shape), one) for shape, one in zip(open_shapes, found, strict=True)]
    return None
