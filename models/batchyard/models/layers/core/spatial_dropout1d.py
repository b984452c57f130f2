"""Dropout of whole channels of sequences."""

from __future__ import annotations

from typing import Any

from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.layers.core.dropout import Dropout
from batchyard.models.layers.registry import layers

__all__ = ["SpatialDropout1D"]


@layers.register()
class SpatialDropout1D(Dropout):
    """Sets random channels of sequences to 0 in training, and scales up the rest to the same mean.

    Args:
        rate: the part that is dropped, from 0 to below 1.
        **kwargs: `seed` as for `Dropout`, and those of every layer.

    Input shape:
        (batch, steps, channels)

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.SpatialDropout1D`; Tompson et al. 2014.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(rate, **kwargs)
        self.input_spec = InputSpec(ndim=3)

    def _mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[0], 1, shape[2])
