"""The state of an optimizer, whoever wrote it, as this library's optimizers keep it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchyard.models.errors import ModelFileError

if TYPE_CHECKING:
    from batchyard.models.optimizers.optimizer import Optimizer

__all__ = ["Layout", "layout_of", "restore"]

Shape = tuple[int, ...]

#: Slots of an optimizer, in the order in which they are stored: first those that stand side by side for each
#: weight (in later optimizers), then further ones, each for all weights.
_SLOTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "SGD": (("moment",), ()),
    "RMSprop": (("accumulator",), ()),
    "LaterRMSprop": (("accumulator",), ("momentum", "average")),
    "Adagrad": (("accumulator",), ()),
    "Adadelta": (("accumulator", "delta_accumulator"), ()),
    "Adam": (("m", "v"), ("vhat",)),
    "AdamW": (("m", "v"), ("vhat",)),
    "Adamax": (("m", "u"), ()),
    "Nadam": (("m", "v"), ()),
}


@dataclass(frozen=True)
class Layout:
    """Where each part of a state stands among the arrays.

    Attributes:
        iterations: place of the number of steps; None if it is not there.
        learning_rate: place of the learning rate; None if it is not there.
        slots: places of each slot's arrays, one per weight, by the slot's name.
    """

    iterations: int | None
    learning_rate: int | None
    slots: dict[str, list[int]]


def layout_of(
    optimizer: Optimizer, shapes: Sequence[Shape], weights: Sequence[Shape], grouped: bool
) -> Layout | None:
    """Finds out where what stands; None where the arrays don't fit the optimizer.

    Args:
        optimizer: that is to have the state.
        shapes: of the arrays, in the order of the file.
        weights: shapes of the weights that it trains.
        grouped: whether all arrays of a slot stand together, as with Keras 2's own optimizers, and with
            tf.keras's before 2.11; later ones keep the slots of each weight side by side.
    """
    leading = 0
    while leading < min(2, len(shapes)) and shapes[leading] == ():
        leading += 1
    # steps and learning rate have no axes; weights of no axes are rare, but there are some
    for scalars in range(leading, -1, -1):
        slots = _slots(optimizer, shapes, scalars, weights, grouped)
        if slots is not None:
            has_rate = scalars == 2 and not grouped
            return Layout(0 if scalars else None, 1 if has_rate else None, slots)
    return None


def _slots(
    optimizer: Optimizer, shapes: Sequence[Shape], begin: int, weights: Sequence[Shape], grouped: bool
) -> dict[str, list[int]] | None:
    name, count, left = type(optimizer).__name__, len(weights), len(shapes) - begin
    if name not in _SLOTS:
        return None
    paired, further = _SLOTS[name]
    if name == "Nadam" and count and left % count == 1 and shapes[-1] == ():
        left -= 1  # the product of momenta, which follows from the steps
    if left == 0:
        return {} if name == "SGD" or not count else None
    names = [*paired, *(one for one in further if not optimizer._is_placeholder(one))]
    if not count or left % count:
        return None
    groups = left // count
    unused = shapes[begin + len(names) * count : begin + left]
    if groups > len(names) and all(shape == (1,) for shape in unused):
        groups = len(names)  # places that are kept for arguments not in use, such as Keras 2's for amsgrad
    if groups != len(names):
        return None
    side = 1 if grouped else len(paired)
    slots = {}
    for number, one in enumerate(names):
        if number < side and not grouped:
            slots[one] = [begin + place * side + number for place in range(count)]
        else:
            slots[one] = [begin + number * count + place for place in range(count)]
        if any(shapes[place] != weight for place, weight in zip(slots[one], weights, strict=True)):
            return None
    return slots


def restore(
    optimizer: Optimizer, layout: Layout, arrays: Sequence[NDArray[Any]], order: Sequence[int]
) -> None:
    """Gives a state to an optimizer.

    Args:
        optimizer: that was built for the weights.
        layout: where what stands.
        arrays: in the order of the file.
        order: places of the trained weights, in the order of the file.

    Raises:
        ModelFileError: where the number of steps, or the learning rate, is none; nothing has changed then.
    """
    import torch

    iterations = None if layout.iterations is None else _number(arrays[layout.iterations], "number of steps")
    rate = None if layout.learning_rate is None else _number(arrays[layout.learning_rate], "learning rate")
    with torch.no_grad():
        for name, places in layout.slots.items():
            for weight, place in zip(order, places, strict=True):
                optimizer._slots[name][weight].copy_(torch.from_numpy(np.array(arrays[place])))
    if iterations is not None:
        optimizer.iterations = int(iterations)
    if rate is not None:
        optimizer.lr = rate


def _number(array: NDArray[Any], what: str) -> float:
    value = float(array)
    if not 0 <= value < 2**63:  # neither is NaN
        raise ModelFileError(
            f"Expected a {what} in the optimizer's state, a number that is not negative; found {value!r}. "
            "The file is damaged; with compile=False the model is loaded for predictions."
        )
    return value
