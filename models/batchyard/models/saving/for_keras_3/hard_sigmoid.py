"""`hard_sigmoid`, of which Keras 3 has another: x / 6 + 0.5 between 0 and 1, and here 0.2 x + 0.5.

The one is the other of 1.2 x. Where nothing but weights stands before it, these are written 1.2 times as
large, and Keras 3 computes the same numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from batchyard.models.saving import hard_sigmoid_folding

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer

__all__ = ["is_folded", "scaled_weights", "warn_of_hard_sigmoid"]

_FACTOR = 1.2


def is_folded(layer: Any) -> bool:
    """Whether a layer's weights are written scaled."""
    from batchyard.models.activations import hard_sigmoid

    return hard_sigmoid_folding.is_folded(layer, hard_sigmoid)


def scaled_weights(layer: Any, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return a layer's weights, so scaled that Keras 3 computes the same numbers."""
    if not is_folded(layer):
        return list(arrays)
    return hard_sigmoid_folding.scaled_weights(layer, arrays, _FACTOR)


def warn_of_hard_sigmoid(layers: Sequence[Layer]) -> None:
    """Say which layers go on otherwise in Keras 3, and which compute otherwise.

    Args:
        layers: all of a model, those within others too.
    """
    folded = [layer.name for layer in layers if is_folded(layer)]
    if folded:
        warnings.warn(
            f"hard_sigmoid is x/6 + 0.5 in Keras 3, and 0.2 x + 0.5 here. In {_some(folded)} the weights "
            f"before it are written {_FACTOR} times as large, so predictions are equal. Training goes on a "
            "little differently there, with a fresh optimizer. With recurrent_activation='sigmoid' nothing "
            "differs.",
            UserWarning,
            stacklevel=5,
        )
    differing = [layer.name for layer in layers if _differs(layer)]
    if differing:
        warnings.warn(
            f"hard_sigmoid is x/6 + 0.5 in Keras 3, and 0.2 x + 0.5 here: {_some(differing)} will compute up "
            "to 0.084 beside. After loading there, set layer.activation = lambda x: "
            "keras.ops.clip(0.2 * x + 0.5, 0, 1), or train with sigmoid.",
            UserWarning,
            stacklevel=5,
        )


def _differs(layer: Any) -> bool:
    folded = hard_sigmoid_folding.folded_argument(layer)
    return any(_is_hard(layer, key) for key in ("activation", "recurrent_activation") if key != folded)


def _is_hard(layer: Any, key: str) -> bool:
    from batchyard.models.activations import hard_sigmoid

    return getattr(layer, key, None) is hard_sigmoid


def _some(names: Sequence[str]) -> str:
    return ", ".join(list(_unique(names))[:6]) + (", ..." if len(set(names)) > 6 else "")


def _unique(names: Sequence[str]) -> Iterator[str]:
    yield from dict.fromkeys(names)
