"""All layers."""

from batchyard.models.engine.input_layer import Input, InputLayer
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.layers.convolutional.conv2d import Conv2D
from batchyard.models.layers.core.activation import Activation
from batchyard.models.layers.core.dense import Dense
from batchyard.models.layers.core.dropout import Dropout
from batchyard.models.layers.core.flatten import Flatten
from batchyard.models.layers.core.masking import Masking
from batchyard.models.layers.normalization.batch_normalization import BatchNormalization
from batchyard.models.layers.pooling.max_pooling2d import MaxPooling2D
from batchyard.models.layers.registry import deserialize, serialize

#: Keras's other names.
Convolution2D = Conv2D
MaxPool2D = MaxPooling2D

__all__ = [
    "Activation",
    "BatchNormalization",
    "Conv2D",
    "Convolution2D",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "InputSpec",
    "Layer",
    "Masking",
    "MaxPool2D",
    "MaxPooling2D",
    "deserialize",
    "serialize",
]
