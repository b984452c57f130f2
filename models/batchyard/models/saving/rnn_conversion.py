"""Weights of LSTM and GRU in CuDNN's layout, and back.

A CuDNN layer keeps the kernel of each gate as CuDNN wants it in memory: transposed, though its shape does
not say so; and it has two biases, one for the input and one for the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchyard.models.errors import ShapeError

__all__ = ["convert_rnn_weights", "rnn_layout"]

Array = NDArray[Any]

#: Gates by the class of layer.
_GATES = {"LSTM": 4, "CuDNNLSTM": 4, "GRU": 3, "CuDNNGRU": 3}
_RESET_BEFORE, _RESET_AFTER = "GRU(reset_after=False)", "GRU(reset_after=True)"


def convert_rnn_weights(weights: Sequence[Array], class_name: str, reset_after: bool = False) -> list[Array]:
    """Returns the weights of an LSTM or GRU in the layout of a class of layer, whichever they have.

    LSTM and CuDNNLSTM, CuDNNGRU and GRU with `reset_after` hold the same numbers. Without biases the layout
    cannot be told, and nothing is converted; so are the weights of other classes.

    Args:
        weights: kernel (inputs, gates * units), recurrent kernel (units, gates * units), bias.
        class_name: of the layer that is to have them.
        reset_after: of a GRU that is to have them.

    Raises:
        ShapeError: if the bias has none of the shapes that the two layouts have, or if the weights are those
            of a GRU that multiplies by the reset gate elsewhere.

    Source: Keras 2.2.4, `engine.saving`.
    """
    given = [np.asarray(weight) for weight in weights]
    if class_name not in _GATES or len(given) != 3:
        return given
    gates = _GATES[class_name]
    source = rnn_layout(given, class_name)
    target = class_name
    if class_name == "GRU":
        target = _RESET_AFTER if reset_after else _RESET_BEFORE
    if source == target:
        return given
    if _RESET_BEFORE in (source, target):
        raise ShapeError(
            f"The weights of {source} cannot become those of {target}: {source} is not compatible with "
            f"{target}, they multiply by the reset gate at different places. Make the layer with the same "
            "reset_after."
        )
    kernel, recurrent_kernel, bias = given
    from_cudnn = source.startswith("CuDNN")
    turn = _from_cudnn if from_cudnn else _to_cudnn
    if gates == 3:
        bias = bias.reshape((2, -1) if from_cudnn else -1)
    elif from_cudnn:
        bias = bias[: bias.size // 2] + bias[bias.size // 2 :]
    else:
        bias = np.tile(0.5 * bias, 2).astype(bias.dtype)
    return [_each_gate(kernel, gates, turn), _each_gate(recurrent_kernel, gates, np.transpose), bias]


def rnn_layout(weights: Sequence[Array], class_name: str) -> str:
    """Returns whose layout three weights of an LSTM or GRU have, told by the bias.

    Args:
        weights: kernel, recurrent kernel, bias.
        class_name: "LSTM", "GRU" or CuDNN's class of that kind.

    Raises:
        ShapeError: if the bias has no shape that one of the layouts has.
    """
    units, shape = weights[1].shape[0], weights[2].shape
    gates = _GATES[class_name]
    if gates == 4:
        layouts: dict[tuple[int, ...], str] = {(4 * units,): "LSTM", (8 * units,): "CuDNNLSTM"}
    else:
        layouts = {(3 * units,): _RESET_BEFORE, (2, 3 * units): _RESET_AFTER, (6 * units,): "CuDNNGRU"}
    if shape not in layouts:
        raise ShapeError(
            f"The bias of {class_name} with {units} units has the shape {shape}. Expected one of "
            f"{', '.join(f'{one} ({name})' for one, name in layouts.items())}."
        )
    return layouts[shape]


def _each_gate(kernel: Array, gates: int, turn: Any) -> Array:
    return np.hstack([turn(part) for part in np.hsplit(kernel, gates)])


def _from_cudnn(kernel: Array) -> Array:
    return np.ravel(kernel).reshape(kernel.shape[::-1]).T


def _to_cudnn(kernel: Array) -> Array:
    return np.ravel(kernel.T).reshape(kernel.shape)
