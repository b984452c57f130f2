"""Weights as Keras 1 kept them, in the order and the layout of Keras 2."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["convert_keras_1_weights", "warn_of_theano"]

Array = NDArray[Any]

#: Places of the gates i, f, c, o among Keras 1's i, c, f, o; of a GRU's z, r, h.
_LSTM_GATES, _GRU_GATES = (0, 2, 1, 3), (0, 1, 2)
_RECURRENT = {"LSTM": _LSTM_GATES, "ConvLSTM2D": _LSTM_GATES, "GRU": _GRU_GATES}
#: How Keras 1's kernels (filters, inputs, …) are turned, by class and data format.
_TURNS = {
    ("Conv2D", "channels_first"): (2, 3, 1, 0),
    ("Conv2DTranspose", "channels_last"): (0, 1, 3, 2),
    ("Conv2DTranspose", "channels_first"): (2, 3, 0, 1),
    ("Conv3D", "channels_first"): (2, 3, 4, 1, 0),
}


def convert_keras_1_weights(layer: Any, weights: Sequence[Array]) -> list[Array]:
    """Returns the weights that a layer of Keras 1 had, as the same layer of Keras 2 has them.

    Args:
        layer: that is to have them; its class, data format, kernel size and filters decide.
        weights: as Keras 1 wrote them.

    Source: Keras 2.2.4, `engine.saving`.
    """
    kind = type(layer).__name__
    given = [np.asarray(weight) for weight in weights]
    gates = _RECURRENT.get(kind)
    if gates is not None and len(given) == 3 * len(gates):
        return _gathered(given, gates, _first_channels(layer) if kind == "ConvLSTM2D" else None)
    if not given:
        return given
    if kind == "Conv1D" and given[0].ndim == 4:
        return [_conv1d_kernel(layer, given[0]), *given[1:]]
    axes = _TURNS.get((kind, getattr(layer, "data_format", "")))
    return given if axes is None else [np.transpose(given[0], axes), *given[1:]]


def warn_of_theano(layers: Iterable[Any], file: str) -> None:
    """Tells that kernels may be turned by half a turn, where a file of Keras 1 does not say so.

    Keras 1 kept no note of its backend. Channels first was the order of Theano's users, so only this is taken
    as a sign.

    Args:
        layers: whose weights were read, models and wrappers among them.
        file: its name, for the message.
    """
    names = [layer.name for layer in _convolutions(layers)]
    if names:
        warnings.warn(
            f"{file} was written by Keras 1, which did not note its backend, and "
            f"{', '.join(names[:6])}{', ...' if len(names) > 6 else ''} have their channels first, as was "
            "usual with Theano. Kernels trained on Theano are turned by half a turn: compare a prediction; "
            "if it differs, call keras.utils.layer_utils.convert_all_kernels_in_model(model) once.",
            UserWarning,
            stacklevel=4,
        )


def _convolutions(layers: Iterable[Any]) -> Iterator[Any]:
    """Yields the convolutions with their channels first, and more than one place in a kernel."""
    for layer in layers:
        first = getattr(layer, "data_format", "") == "channels_first"
        if first and np.max(getattr(layer, "kernel_size", 1)) > 1:
            yield layer
        inner = getattr(layer, "layers", None)
        yield from _convolutions(inner if isinstance(inner, list) else layer._sublayers())


def _gathered(weights: list[Array], gates: tuple[int, ...], axes: tuple[int, ...] | None) -> list[Array]:
    """Joins kernels, recurrent kernels and biases, which Keras 1 kept gate by gate."""
    kernel, recurrent_kernel, bias = (
        np.concatenate([weights[3 * gate + number] for gate in gates], axis=-1) for number in range(3)
    )
    if axes is not None:
        kernel, recurrent_kernel = np.transpose(kernel, axes), np.transpose(recurrent_kernel, axes)
    return [kernel, recurrent_kernel, bias]


def _first_channels(layer: Any) -> tuple[int, ...] | None:
    return (2, 3, 1, 0) if layer.data_format == "channels_first" else None


def _conv1d_kernel(layer: Any, kernel: Array) -> Array:
    """Takes away the second axis of space, of size 1; Keras 1.1 had the filters first."""
    filters_last = kernel.shape[:2] == (layer.kernel_size[0], 1) and kernel.shape[3] == layer.filters
    turned = kernel if filters_last else np.transpose(kernel, (2, 3, 1, 0))
    return turned[:, 0]
