"""One Keras's `hard_sigmoid` computed by that of another, with the weights before it scaled.

It is 0.2 x + 0.5 between 0 and 1 up to tf.keras, and x / 6 + 0.5 in Keras 3: the one is the other of 1.2 x.
Where nothing but weights stands before it, these are written larger or smaller, and the numbers are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["folded_argument", "is_folded", "scaled_weights"]

#: Of recurrent layers, the blocks of the weights' last axis whose gate goes through `recurrent_activation`.
_GATES = {
    **{f"ConvLSTM{rank}D{cell}": (4, (0, 1, 3)) for rank in (1, 2, 3) for cell in ("", "Cell")},
    "GRU": (3, (0, 1)),
    "GRUCell": (3, (0, 1)),
    "LSTM": (4, (0, 1, 3)),
    "LSTMCell": (4, (0, 1, 3)),
}
#: Layers whose `activation` is computed of a sum, with the place of the first weight that scales it.
_LINEAR = {
    "Conv1D": 0,
    "Conv1DTranspose": 0,
    "Conv2D": 0,
    "Conv2DTranspose": 0,
    "Conv3D": 0,
    "Conv3DTranspose": 0,
    "Dense": 0,
    "DepthwiseConv1D": 0,
    "DepthwiseConv2D": 0,
    "EinsumDense": 0,
    "SeparableConv1D": 1,
    "SeparableConv2D": 1,
    "SimpleRNN": 0,
    "SimpleRNNCell": 0,
}


def folded_argument(layer: Any) -> str | None:
    """Return the argument of a layer before which nothing but weights stands; None where there is none."""
    name = type(layer).__name__
    if name in _GATES:
        return "recurrent_activation"
    return "activation" if name in _LINEAR else None


def is_folded(layer: Any, function: Callable[..., Any]) -> bool:
    """Whether a layer's weights can stand in for another slope of that function."""
    argument = folded_argument(layer)
    return argument is not None and getattr(layer, argument, None) is function


def scaled_weights(layer: Any, arrays: Sequence[NDArray[Any]], factor: float) -> list[NDArray[Any]]:
    """Return a layer's weights with what stands before its `folded_argument` multiplied.

    Args:
        layer: a layer for which `is_folded` holds.
        arrays: its weights.
        factor: a number.
    """
    name = type(layer).__name__
    if name in _LINEAR:
        first = _LINEAR[name]
        return [array * array.dtype.type(factor) if n >= first else array for n, array in enumerate(arrays)]
    blocks, gates = _GATES[name]
    scaled = []
    for array in arrays:
        array = np.array(array)
        size = array.shape[-1] // blocks
        for gate in gates:
            array[..., gate * size : (gate + 1) * size] *= array.dtype.type(factor)
        scaled.append(array)
    return scaled
