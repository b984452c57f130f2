"""Convolution kernels of Theano's orientation as TensorFlow's, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["convert_all_kernels_in_model", "convert_dense_weights_data_format", "convert_kernel"]

_CONVOLUTIONS = (
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Conv2DTranspose",
    "Convolution1D",
    "Convolution2D",
    "Convolution3D",
    "Deconvolution2D",
)


def convert_kernel(kernel: Any) -> NDArray[Any]:
    """Returns a kernel turned round in its spatial axes: the way of Theano from TensorFlow's, or back.

    Args:
        kernel: array of 3 to 5 axes, the last two for channels.

    Source: Keras 2.2.4, `utils.conv_utils.convert_kernel`.
    """
    kernel = np.asarray(kernel)
    if not 3 <= kernel.ndim <= 5:
        raise ValueError(f"A kernel has 3 to 5 axes. Received: the shape {kernel.shape}.")
    turned: NDArray[Any] = np.flip(kernel, tuple(range(kernel.ndim - 2))).copy()
    return turned


def convert_all_kernels_in_model(model: Any) -> None:
    """Turns round the kernels of all convolutions of a model.

    Args:
        model: built.

    Source: Keras 2.2.4, `utils.convert_all_kernels_in_model`.
    """
    for layer in model.layers:
        if type(layer).__name__ in _CONVOLUTIONS:
            weights = layer.get_weights()
            layer.set_weights([convert_kernel(weights[0]), *weights[1:]])


def convert_dense_weights_data_format(
    dense: Any, previous_feature_map_shape: tuple[int, ...], target_data_format: str = "channels_first"
) -> None:
    """Reorders the kernel of a Dense layer after Flatten for images of the other data format.

    Args:
        dense: the layer.
        previous_feature_map_shape: the shape before Flatten, without the batch, in the new format.
        target_data_format: the new format.

    Source: Keras 2.2.4, `utils.layer_utils.convert_dense_weights_data_format`.
    """
    if target_data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"Unknown data format {target_data_format!r}.")
    kernel, *rest = dense.get_weights()
    if target_data_format == "channels_first":
        channels, *space = previous_feature_map_shape
        maps = kernel.reshape((*space, channels, -1))
        maps = np.moveaxis(maps, -2, 0)
    else:
        *space, channels = previous_feature_map_shape
        maps = kernel.reshape((channels, *space, -1))
        maps = np.moveaxis(maps, 0, -2)
    dense.set_weights([maps.reshape(kernel.shape), *rest])
