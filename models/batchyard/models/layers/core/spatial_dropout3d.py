"""Dropout of whole channels of volumes."""

from __future__ import annotations

from typing import Any

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.layers.core.dropout import Dropout
from batchyard.models.layers.registry import layers

__all__ = ["SpatialDropout3D"]


@layers.register()
class SpatialDropout3D(Dropout):
    """Sets random channels of volumes to 0 in training, and scales up the rest to the same mean.

    Args:
        rate: the part that is dropped, from 0 to below 1.
        data_format: where the channels are; the library's setting by default.
        **kwargs: `seed` as for `Dropout`, and those of every layer.

    Input shape:
        (batch, depth, height, width, channels), or (batch, channels, depth, …) for channels_first

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.SpatialDropout3D`; Tompson et al. 2014.
    """

    def __init__(self, rate: float, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(rate, **kwargs)
        self.data_format = normalize_data_format(data_format)
        self.input_spec = InputSpec(ndim=5)

    def _mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        ones = (1,) * 3
        return (*shape[:2], *ones) if self.data_format == "channels_first" else (shape[0], *ones, shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "data_format": self.data_format}
