"""Transposed convolution over three axes."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.conv3d import Conv3D
from batchyard.models.layers.convolutional.transposed_convolution import TransposedConvolution
from batchyard.models.layers.registry import layers

__all__ = ["Conv3DTranspose"]


@layers.register("Deconv3D", "Deconvolution3D")
class Conv3DTranspose(TransposedConvolution, Conv3D):
    """Spreads each element by filters over larger volumes.

    Args:
        filters: size of the output's channel axis.
        kernel_size: depth, height and width of the filters.
        strides: how far they move.
        padding: "valid", or "same" for an output as large as the input times the strides.
        output_padding: added to the output's sizes, below the strides; the smallest sizes that give the input
            back by convolution if not given.
        data_format: where the channels are; the library's setting by default.
        activation: name or function; none by default.
        use_bias: whether a bias is added.
        kernel_initializer: how the kernel (depth, height, width, filters, channels) begins.
        bias_initializer: how the bias (filters,) begins.
        kernel_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        kernel_constraint: holds after every update.
        bias_constraint: holds after every update.
        **kwargs: of every layer.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, height, width) for channels_first

    Output shape:
        (batch, new depth, new height, new width, filters), or (batch, filters, new depth, …)

    Source: Keras 2.2.4, `layers.Conv3DTranspose`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int, int],
        strides: int | tuple[int, int, int] = (1, 1, 1),
        padding: str = "valid",
        output_padding: int | tuple[int, int, int] | None = None,
        data_format: str | None = None,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=1,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self._set_output_padding(output_padding)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config = super().get_config()
        del config["dilation_rate"]
        return config
