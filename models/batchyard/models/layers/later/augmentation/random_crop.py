"""Parts of images."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.engine.symbolic import Shape
from batchyard.models.layers.later.augmentation.augmentation import Augmentation, uniform
from batchyard.models.layers.later.resampling import as_image_sizes, cropped_to_ratio, resample
from batchyard.models.layers.registry import layers

__all__ = ["RandomCrop"]


@layers.register()
class RandomCrop(Augmentation):
    """Cuts a part out of the images of a batch in training, at a place drawn by lot.

    In inference, and of images that are too small, the middle of the output's ratio is made as large as it:
    so does tf.keras. Keras 3 leaves images as they are in inference, whatever shape it promises.

    Args:
        height: of the output.
        width: of the output.
        seed: accepted for Keras's sake; the numbers follow from the seed of `fit`.
        keeps_in_inference: whether images are left as they are in inference.
        data_format: where the channels are; the library's setting by default.
        **kwargs: of every layer.

    Input shape:
        (batch, rows, columns, channels), or (batch, channels, rows, columns) for channels_first

    Output shape:
        (batch, height, width, channels), or (batch, channels, height, width)

    Source: Keras 3, `layers.RandomCrop`.
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        keeps_in_inference: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, seed, **kwargs)
        self.keeps_in_inference = keeps_in_inference
        self.height, self.width = as_image_sizes(height, width, self.name)

    @property
    def _first_axis(self) -> int:
        return 2 if self.data_format == "channels_first" else 1

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Computes the output."""
        sizes, first = (self.height, self.width), self._first_axis
        lengths = inputs.shape[first : first + 2]
        fits = all(length >= size for length, size in zip(lengths, sizes, strict=True))
        trains = self.is_training(training)
        if fits and trains:
            return super().call(inputs, True)
        if self.keeps_in_inference and not trains:
            return inputs
        return resample(cropped_to_ratio(inputs, sizes, first), sizes, "bilinear", first)

    def augment(self, images: Tensor) -> Tensor:
        """Returns the same part of all images."""
        for axis, size in ((1, self.height), (2, self.width)):
            room = images.shape[axis] - size + 1
            start = min(int(uniform(1, (0.0, float(room)), images)), room - 1)
            images = images.narrow(axis, start, size)
        return images

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        shape = list(input_shape)
        shape[self._first_axis : self._first_axis + 2] = [self.height, self.width]
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "height": self.height,
            "width": self.width,
            "keeps_in_inference": self.keeps_in_inference,
        }
