"""Images of other heights and widths."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.later.augmentation.augmentation import (
    Augmentation,
    Factor,
    as_given,
    as_range,
    uniform,
)
from batchyard.models.layers.later.resampling import resample
from batchyard.models.layers.registry import layers

__all__ = ["RandomHeight", "RandomWidth"]


class _RandomSize(Augmentation):
    """Makes one side of the images of a batch longer or shorter in training."""

    #: Of the side, channels last.
    axis: ClassVar[int]

    def __init__(
        self,
        factor: Factor,
        interpolation: str = "bilinear",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = as_given(factor)
        self.interpolation = interpolation
        self._between = as_range(factor, "factor", -1.0)

    def augment(self, images: Tensor) -> Tensor:
        """Returns images of another size."""
        sizes = list(images.shape[1:3])
        larger = 1 + float(uniform(1, self._between, images))
        sizes[self.axis - 1] = max(1, int(larger * sizes[self.axis - 1]))
        return resample(images, sizes, self.interpolation, 1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape, open where training changes it."""
        shape = list(input_shape)
        shape[self.axis + int(self.data_format == "channels_first")] = None
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "factor": self.factor, "interpolation": self.interpolation}


@layers.register()
class RandomHeight(_RandomSize):
    """Makes the images of a batch higher or lower in training.

    Args:
        factor: the greatest part of the height that is added or left out; or the least and the greatest part
            that is added.
        interpolation: as of `Resizing`.
        seed: accepted for Keras's sake; the numbers follow from the seed of `fit`.
        **kwargs: `data_format`, and those of every layer.

    Input shape:
        (batch, rows, columns, channels), or (batch, channels, rows, columns) for channels_first

    Output shape:
        that of the input, with an open number of rows

    Source: tf.keras 2.15, `layers.RandomHeight`.
    """

    axis = 1


@layers.register()
class RandomWidth(_RandomSize):
    """Makes the images of a batch wider or narrower in training; the arguments are those of `RandomHeight`.

    Source: tf.keras 2.15, `layers.RandomWidth`.
    """

    axis = 2
