"""What Keras 3 computes otherwise than this library, and no file for it can say."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from batchyard.models.layers.convolutional.up_sampling2d import UpSampling2D
from batchyard.models.layers.later.later_up_sampling2d import LaterUpSampling2D

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.model import Model

__all__ = ["warn_of_counted_steps", "warn_of_upsampling"]


def warn_of_upsampling(layers: Sequence[Layer]) -> None:
    """Say which layers draw images larger otherwise in Keras 3.

    Args:
        layers: all of a model, those within others too.
    """
    differing = [layer.name for layer in layers if _counts_from_the_first_element(layer)]
    if differing:
        warnings.warn(
            "UpSampling2D with interpolation='bilinear' counts places from the first element here, as in "
            f"Keras 2.2, and from the elements' middles in Keras 3: {', '.join(dict.fromkeys(differing))} "
            "will compute other numbers there, and here once read from that file. Build and train the model "
            "with batchyard.models.layers.later.LaterUpSampling2D, which is Keras 3's, or use "
            "interpolation='nearest'.",
            UserWarning,
            stacklevel=5,
        )


def warn_of_counted_steps(model: Model, layers: Sequence[Layer]) -> None:
    """Say that the loss will be divided by other steps, where a model makes masks and counts masked steps.

    Args:
        model: that is saved with its training.
        layers: all of the model, those within others too.
    """
    arguments = model._compile_arguments or {}
    if not model.is_compiled or not arguments.get("counts_masked_steps"):
        return
    if any(type(layer).__name__ == "Masking" or getattr(layer, "mask_zero", False) for layer in layers):
        warnings.warn(
            "The model was compiled with counts_masked_steps=True, which Keras 3 lacks: its loss is divided "
            "by the steps that the mask leaves. Here, compile again with counts_masked_steps=True after "
            "loading.",
            UserWarning,
            stacklevel=5,
        )


def _counts_from_the_first_element(layer: Layer) -> bool:
    return (
        isinstance(layer, UpSampling2D)
        and not isinstance(layer, LaterUpSampling2D)
        and layer.interpolation == "bilinear"
        and tuple(layer.size) != (1, 1)
    )
