"""Locally connected layer over one axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from batchyard.models.backend.configuration import image_data_format
from batchyard.models.layers.local.locally_connected import LocallyConnected
from batchyard.models.layers.registry import layers

__all__ = ["LocallyConnected1D"]


@layers.register()
class LocallyConnected1D(LocallyConnected):
    """Slides over sequences, with filters of their own at each place.

    Args:
        filters: size of the output's channel axis.
        kernel_size: length of the filters.
        strides: how far they move.
        padding: "valid", or "same" with implementation 2.
        data_format: where the channels are; the library's setting by default.
        activation: name or function; none by default.
        use_bias: whether a bias is added.
        kernel_initializer: how the kernel (places, kernel_size * channels, filters) begins.
        bias_initializer: how the bias (new steps, filters) begins.
        kernel_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the output, summed over the rows.
        kernel_constraint: holds after every update.
        bias_constraint: holds after every update.
        implementation: 1 computes windows; 2 one product with a kernel that is mostly zeros and has an axis
            for each axis of input and output, fast for small inputs.
        **kwargs: of every layer.

    Input shape:
        (batch, steps, channels), or (batch, channels, steps) for channels_first

    Output shape:
        (batch, new steps, filters), or (batch, filters, new steps)

    Source: Keras 2.2.4, `layers.LocallyConnected1D`; implementation 2: Keras 2.3.
    """

    rank = 1

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int],
        strides: int | tuple[int] = 1,
        padding: str = "valid",
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
        *,
        implementation: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            implementation,
            **kwargs,
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`; as in Keras 2.2.4 no `data_format` of channels_last."""
        config = super().get_config()
        if config["data_format"] == "channels_last":
            del config["data_format"]
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Makes the layer: of channels_last where nothing is said, whatever the setting of the library."""
        if image_data_format() != "channels_last":
            config = {"data_format": "channels_last", **config}
        return super().from_config(config)
