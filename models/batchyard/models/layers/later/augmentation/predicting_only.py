"""Rarer augmentations of Keras 3: models with them predict here, where they do nothing, and don't train."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.registry import layers

__all__ = ["PREDICTING_ONLY", "PredictingOnly"]


class PredictingOnly(Layer):
    """Leaves images as they are in inference, and refuses to train.

    Args:
        **kwargs: those of every layer, and any others, which are kept for files.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 3, the layer of that name.
    """

    #: What a layer of the class was given besides: any arguments are accepted.
    given: Mapping[str, Any] = MappingProxyType({})
    #: Arguments of every layer.
    _COMMON: ClassVar[tuple[str, ...]] = ("name", "trainable", "dtype", "batch_input_shape", "input_shape")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{key: kwargs.pop(key) for key in self._COMMON if key in kwargs})
        self.given = kwargs

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Returns the input.

        Raises:
            InvalidArgumentError: in training.
        """
        if self.is_training(training):
            raise InvalidArgumentError(
                f"Layer {self.name!r} is a {type(self).__name__}, which does nothing in predictions, and "
                "which this library cannot do in training. Train a model without it, or pass a class of your "
                f"own when loading: custom_objects={{{type(self).__name__!r}: YourLayer}}."
            )
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), **self.given}


#: All such layers by name.
PREDICTING_ONLY: dict[str, type[PredictingOnly]] = {
    name: layers.register()(type(name, (PredictingOnly,), {"__doc__": PredictingOnly.__doc__}))
    for name in (
        "AugMix",
        "CutMix",
        "Equalization",
        "MixUp",
        "RandAugment",
        "RandomColorDegeneration",
        "RandomColorJitter",
        "RandomElasticTransform",
        "RandomErasing",
        "RandomGaussianBlur",
        "RandomGrayscale",
        "RandomHue",
        "RandomInvert",
        "RandomPerspective",
        "RandomPosterization",
        "RandomSaturation",
        "RandomSharpness",
        "RandomShear",
        "Solarization",
    )
}
