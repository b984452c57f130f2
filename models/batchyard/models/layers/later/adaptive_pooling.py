"""Pooling to a given size: the space is cut into so many parts, which may overlap by one element."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.convolutional.windows import as_sizes
from batchyard.models.layers.registry import layers

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
]


class _AdaptivePooling(Layer):
    """Takes a number of each part of each channel.

    Args:
        output_size: into how many parts each axis is cut: one number, or one per axis.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, *space, channels), or (batch, channels, *space) for channels_first

    Output shape:
        likewise, of the given size

    Source: Keras 3.
    """

    rank: ClassVar[int]

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = as_sizes(output_size, self.rank, "output_size")
        self.data_format = normalize_data_format(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        if self.data_format == "channels_first":
            return self.pool(inputs)
        return self.pool(inputs.movedim(-1, 1)).movedim(1, -1)

    def pool(self, inputs: Tensor) -> Tensor:
        """Computes the output, channels first."""
        kind = "avg" if "Average" in type(self).__name__ else "max"
        found: Tensor = getattr(functional, f"adaptive_{kind}_pool{self.rank}d")(inputs, self.output_size)
        return found

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        if self.data_format == "channels_first":
            return (*input_shape[:2], *self.output_size)
        return (input_shape[0], *self.output_size, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "output_size": self.output_size,
            "data_format": self.data_format,
        }


@layers.register()
class AdaptiveAveragePooling1D(_AdaptivePooling):
    """Takes the mean of each part of a sequence."""

    rank = 1


@layers.register()
class AdaptiveAveragePooling2D(_AdaptivePooling):
    """Takes the mean of each part of an image."""

    rank = 2


@layers.register()
class AdaptiveAveragePooling3D(_AdaptivePooling):
    """Takes the mean of each part of a volume."""

    rank = 3


@layers.register()
class AdaptiveMaxPooling1D(_AdaptivePooling):
    """Takes the greatest element of each part of a sequence."""

    rank = 1


@layers.register()
class AdaptiveMaxPooling2D(_AdaptivePooling):
    """Takes the greatest element of each part of an image."""

    rank = 2


@layers.register()
class AdaptiveMaxPooling3D(_AdaptivePooling):
    """Takes the greatest element of each part of a volume."""

    rank = 3
