"""Layers that Keras 2.2 does not have, so that files of later versions open."""

from batchyard.models.layers.later.adaptive_pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from batchyard.models.layers.later.additive_attention import AdditiveAttention
from batchyard.models.layers.later.attention import Attention
from batchyard.models.layers.later.augmentation import (
    PREDICTING_ONLY,
    PredictingOnly,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomFlip,
    RandomHeight,
    RandomRotation,
    RandomTranslation,
    RandomWidth,
    RandomZoom,
)
from batchyard.models.layers.later.category_encoding import CategoryEncoding
from batchyard.models.layers.later.center_crop import CenterCrop
from batchyard.models.layers.later.conv1d_transpose import Conv1DTranspose
from batchyard.models.layers.later.conv_lstm1d import ConvLSTM1D
from batchyard.models.layers.later.conv_lstm3d import ConvLSTM3D
from batchyard.models.layers.later.depthwise_conv1d import DepthwiseConv1D
from batchyard.models.layers.later.discretization import Discretization
from batchyard.models.layers.later.einsum_dense import EinsumDense
from batchyard.models.layers.later.group_normalization import GroupNormalization
from batchyard.models.layers.later.group_query_attention import GroupQueryAttention
from batchyard.models.layers.later.integer_lookup import IntegerLookup
from batchyard.models.layers.later.later_up_sampling2d import LaterUpSampling2D
from batchyard.models.layers.later.layer_normalization import LayerNormalization
from batchyard.models.layers.later.multi_head_attention import MultiHeadAttention
from batchyard.models.layers.later.normalization import Normalization
from batchyard.models.layers.later.parts_of_applications import CustomScaleLayer, LayerScale, StochasticDepth
from batchyard.models.layers.later.rescaling import Rescaling
from batchyard.models.layers.later.resizing import Resizing
from batchyard.models.layers.later.rms_normalization import RMSNormalization
from batchyard.models.layers.later.spectral_normalization import SpectralNormalization

__all__ = [
    "PREDICTING_ONLY",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AdditiveAttention",
    "Attention",
    "CategoryEncoding",
    "CenterCrop",
    "Conv1DTranspose",
    "ConvLSTM1D",
    "ConvLSTM3D",
    "CustomScaleLayer",
    "DepthwiseConv1D",
    "Discretization",
    "EinsumDense",
    "GroupNormalization",
    "GroupQueryAttention",
    "IntegerLookup",
    "LaterUpSampling2D",
    "LayerNormalization",
    "LayerScale",
    "MultiHeadAttention",
    "Normalization",
    "PredictingOnly",
    "RMSNormalization",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomHeight",
    "RandomRotation",
    "RandomTranslation",
    "RandomWidth",
    "RandomZoom",
    "Rescaling",
    "Resizing",
    "SpectralNormalization",
    "StochasticDepth",
]
