"""`hard_sigmoid`, of which Keras 3 has another: x / 6 + 0.5 between 0 and 1, and here 0.2 x + 0.5.

The one is the other of 1.2 x. Where nothing but weights stands before it, these are written 1.2 times as
large, and Keras 3 computes the same numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer

__all__ = ["is_folded", "scaled_weights", "warn_of_hard_sigmoid"]

_FACTOR = 1.2
#: Of recurrent layers, the blocks of the weights' last axis whose gate goes through `recurrent_activation`.
_GATES = {
    "ConvLSTM2D": (4, (0, 1, 3)),
    "ConvLSTM2DCell": (4, (0, 1, 3)),
    "GRU": (3, (0, 1)),
    "GRUCell": (3, (0, 1)),
    "LSTM": (4, (0, 1, 3)),
    "LSTMCell": (4, (0, 1, 3)),
}
#: Layers whose `activation` is computed of a sum, with the place of the first weight that scales it.
_LINEAR = {
    "Conv1D": 0,
    "Conv2D": 0,
    "Conv2DTranspose": 0,
    "Conv3D": 0,
    "Conv3DTranspose": 0,
    "Dense": 0,
    "DepthwiseConv2D": 0,
    "SeparableConv1D": 1,
    "SeparableConv2D": 1,
    "SimpleRNN": 0,
    "SimpleRNNCell": 0,
}


def is_folded(layer: Any) -> bool:
    """Whether a layer's weights are written scaled."""
    name = type(layer).__name__
    if name in _GATES:
        return _is_hard(layer, "recurrent_activation")
    return name in _LINEAR and _is_hard(layer, "activation")


def scaled_weights(layer: Any, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return a layer's weights, so scaled that Keras 3 computes the same numbers."""
    if not is_folded(layer):
        return list(arrays)
    name = type(layer).__name__
    if name in _LINEAR:
        first = _LINEAR[name]
        return [array * array.dtype.type(_FACTOR) if n >= first else array for n, array in enumerate(arrays)]
    blocks, gates = _GATES[name]
    scaled = []
    for array in arrays:
        array = np.array(array)
        size = array.shape[-1] // blocks
        for gate in gates:
            array[..., gate * size : (gate + 1) * size] *= array.dtype.type(_FACTOR)
        scaled.append(array)
    return scaled


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
    folded = {"recurrent_activation"} if type(layer).__name__ in _GATES else set()
    folded |= {"activation"} if type(layer).__name__ in _LINEAR else set()
    return any(_is_hard(layer, key) for key in ("activation", "recurrent_activation") if key not in folded)


def _is_hard(layer: Any, key: str) -> bool:
    from batchyard.models.activations import hard_sigmoid

    return getattr(layer, key, None) is hard_sigmoid


def _some(names: Sequence[str]) -> str:
    return ", ".join(list(_unique(names))[:6]) + (", ..." if len(set(names)) > 6 else "")


def _unique(names: Sequence[str]) -> Iterator[str]:
    yield from dict.fromkeys(names)
