"""The names that Keras 2.2.4 knows.

Source: Keras 2.2.4; a test compares them with the list of its public names.
"""

from __future__ import annotations

__all__ = ["ACTIVATIONS", "LATER_ARGUMENTS", "LAYERS", "LOSS_CLASSES", "OPTIMIZERS"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LAYERS = _words(
    """
    Activation ActivityRegularization Add AlphaDropout Average AveragePooling1D AveragePooling2D
    AveragePooling3D BatchNormalization Bidirectional Concatenate Conv1D Conv2D Conv2DTranspose Conv3D
    Conv3DTranspose ConvLSTM2D ConvLSTM2DCell ConvRNN2D Cropping1D Cropping2D Cropping3D CuDNNGRU CuDNNLSTM
    Dense DepthwiseConv2D Dot Dropout ELU Embedding Flatten GRU GRUCell GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D Highway InputLayer LSTM LSTMCell Lambda LeakyReLU
    LocallyConnected1D LocallyConnected2D Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum MaxoutDense
    Minimum Model Multiply PReLU Permute RNN ReLU RepeatVector Reshape SeparableConv1D SeparableConv2D
    Sequential SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D
    StackedRNNCells Subtract ThresholdedReLU TimeDistributed UpSampling1D UpSampling2D UpSampling3D Wrapper
    ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """
)
ACTIVATIONS = _words("elu exponential hard_sigmoid linear relu selu sigmoid softmax softplus softsign tanh")
OPTIMIZERS = _words("Adadelta Adagrad Adam Adamax Nadam RMSprop SGD")
#: Arguments of layers of Keras 2.2.4 that it lacks; configurations have them only where they say something.
LATER_ARGUMENTS = frozenset(("groups", "keepdims", "zero_output_for_mask"))
#: Losses that are objects here; Keras 2.2.4 has functions only.
LOSS_CLASSES = frozenset(
    ("BinaryCrossentropy", "CategoricalCrossentropy", "Huber", "SparseCategoricalCrossentropy")
)
