"""Layers that Keras 2.2 does not have, so that files of later versions open."""

from batchyard.models.layers.later.layer_normalization import LayerNormalization
from batchyard.models.layers.later.normalization import Normalization
from batchyard.models.layers.later.rescaling import Rescaling

__all__ = ["LayerNormalization", "Normalization", "Rescaling"]
