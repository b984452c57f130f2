"""Layers that change images in training, and leave them alone in inference."""

from batchyard.models.layers.later.augmentation.predicting_only import PREDICTING_ONLY, PredictingOnly
from batchyard.models.layers.later.augmentation.random_brightness import RandomBrightness
from batchyard.models.layers.later.augmentation.random_contrast import RandomContrast
from batchyard.models.layers.later.augmentation.random_crop import RandomCrop
from batchyard.models.layers.later.augmentation.random_flip import RandomFlip
from batchyard.models.layers.later.augmentation.random_rotation import RandomRotation
from batchyard.models.layers.later.augmentation.random_size import RandomHeight, RandomWidth
from batchyard.models.layers.later.augmentation.random_translation import RandomTranslation
from batchyard.models.layers.later.augmentation.random_zoom import RandomZoom

__all__ = [
    "PREDICTING_ONLY",
    "PredictingOnly",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomHeight",
    "RandomRotation",
    "RandomTranslation",
    "RandomWidth",
    "RandomZoom",
]
