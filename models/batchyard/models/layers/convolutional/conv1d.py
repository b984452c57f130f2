"""Convolution over one axis."""

from __future__ import annotations

from typing import Any

from batchyard.models.layers.convolutional.convolution import Convolution
from batchyard.models.layers.registry import layers

__all__ = ["Conv1D"]


@layers.register("Convolution1D")
class Conv1D(Convolution):
    """Slides filters over sequences.

    Args:
        filters: size of the output's channel axis.
        kernel_size: length of the filters.
        strides: how far they move.
        padding: "valid", "same" for an output as long as the input divided by the strides, or "causal" for
            the same length, where no output depends on a later step.
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance of a filter's elements.
        activation: name or function; none by default.
        use_bias: whether a bias is added.
        kernel_initializer: how the kernel (length, channels, filters) begins.
        bias_initializer: how the bias (filters,) begins.
        kernel_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        kernel_constraint: holds after every update.
        bias_constraint: holds after every update.
        **kwargs: of every layer.

    Input shape:
        (batch, steps, channels), or (batch, channels, steps) for channels_first

    Output shape:
        (batch, new steps, filters), or (batch, filters, new steps)

    Source: Keras 2.2.4, `layers.Conv1D`.
    """

    rank = 1

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int],
        strides: int | tuple[int] = 1,
        padding: str = "valid",
        data_format: str | None = "channels_last",
        dilation_rate: int | tuple[int] = 1,
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
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )
