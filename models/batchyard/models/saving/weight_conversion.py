"""Weights in the layout of another version or backend, as a layer of this library has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchyard.models.errors import ShapeError
from batchyard.models.saving.keras_1_weights import convert_keras_1_weights
from batchyard.models.saving.rnn_conversion import convert_rnn_weights

__all__ = ["preprocess_weights_for_loading"]

Array = NDArray[Any]

#: Layers with a kernel that Theano keeps turned by half a turn.
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D")


def preprocess_weights_for_loading(
    layer: Any,
    weights: Sequence[Array],
    original_keras_version: str | None = None,
    original_backend: str | None = None,
    reshape: bool = False,
) -> list[Array]:
    """Returns weights as a layer wants them, from the layout that another version or backend gave them.

    Args:
        layer: that is to have them; wrappers and models are entered.
        weights: arrays in the order of `layer.weights`.
        original_keras_version: "1" for weights that Keras 1 wrote.
        original_backend: "theano" for kernels turned by half a turn.
        reshape: whether a kernel of as many numbers is given the layer's shape.

    Raises:
        ShapeError: if the weights cannot become this layer's.
    """
    given = [np.asarray(weight) for weight in weights]
    version, backend = original_keras_version, original_backend
    kind = type(layer).__name__
    if kind == "Bidirectional":
        half = len(given) // 2
        return [
            *preprocess_weights_for_loading(layer.forward_layer, given[:half], version, backend),
            *preprocess_weights_for_loading(layer.backward_layer, given[half:], version, backend),
        ]
    if kind == "TimeDistributed":
        return preprocess_weights_for_loading(layer.layer, given, version, backend)
    if hasattr(layer, "layers") and hasattr(layer, "outputs"):
        return _of_model(layer, given, version, backend)
    if version == "1":
        given = convert_keras_1_weights(layer, given)
    if kind in _CONVOLUTIONS and given:
        kernels = 2 if kind == "ConvLSTM2D" else 1
        if backend == "theano":
            # Not at the module's head: the utilities need the layers, and these need this package.
            from batchyard.models.utils.convert_kernels import convert_kernel

            given[:kernels] = [convert_kernel(kernel) for kernel in given[:kernels]]
        given[:kernels] = _fitted(layer, given[:kernels], reshape)
    return convert_rnn_weights(given, kind, bool(getattr(layer, "reset_after", False)))


def _of_model(model: Any, weights: list[Array], version: str | None, backend: str | None) -> list[Array]:
    """Converts the weights of a model: all trainable ones come first, then the others."""
    converted: list[Array] = []
    at = 0
    for part in ("trainable_weights", "non_trainable_weights"):
        for layer in model.layers:
            count = len(getattr(layer, part))
            if count:
                own = weights[at : at + count]
                converted += preprocess_weights_for_loading(layer, own, version, backend)
                at += count
    return converted


def _fitted(layer: Any, kernels: list[Array], reshape: bool) -> list[Array]:
    """Gives kernels the shapes of the layer's weights, where it has some and they differ."""
    shapes = [tuple(weight.shape) for weight in layer.weights[: len(kernels)]]
    if not shapes or kernels[0].shape == shapes[0]:
        return kernels
    if reshape:
        if kernels[0].size != np.prod(shapes[0]):
            raise ShapeError(
                f"The kernel of layer {layer.name} has the shape {shapes[0]}, and the array for it "
                f"{kernels[0].shape}: reshape=True needs as many numbers."
            )
        return [kernels[0].reshape(shapes[0]), *kernels[1:]]
    if kernels[0].ndim != 4:
        return kernels  # `set_weights` tells which shapes do not fit
    return [np.transpose(kernel, (3, 2, 0, 1)) for kernel in kernels]
