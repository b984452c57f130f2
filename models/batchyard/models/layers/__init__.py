"""All layers."""

from batchyard.models.engine.input_layer import Input, InputLayer
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.layers.advanced_activations.elu import ELU
from batchyard.models.layers.advanced_activations.leaky_relu import LeakyReLU
from batchyard.models.layers.advanced_activations.prelu import PReLU
from batchyard.models.layers.advanced_activations.relu import ReLU
from batchyard.models.layers.advanced_activations.softmax import Softmax
from batchyard.models.layers.advanced_activations.thresholded_relu import ThresholdedReLU
from batchyard.models.layers.convolutional.atrous_convolution import AtrousConvolution1D, AtrousConvolution2D
from batchyard.models.layers.convolutional.conv1d import Conv1D
from batchyard.models.layers.convolutional.conv2d import Conv2D
from batchyard.models.layers.convolutional.conv2d_transpose import Conv2DTranspose
from batchyard.models.layers.convolutional.conv3d import Conv3D
from batchyard.models.layers.convolutional.conv3d_transpose import Conv3DTranspose
from batchyard.models.layers.convolutional.cropping1d import Cropping1D
from batchyard.models.layers.convolutional.cropping2d import Cropping2D
from batchyard.models.layers.convolutional.cropping3d import Cropping3D
from batchyard.models.layers.convolutional.depthwise_conv2d import DepthwiseConv2D
from batchyard.models.layers.convolutional.separable_conv1d import SeparableConv1D
from batchyard.models.layers.convolutional.separable_conv2d import SeparableConv2D
from batchyard.models.layers.convolutional.up_sampling1d import UpSampling1D
from batchyard.models.layers.convolutional.up_sampling2d import UpSampling2D
from batchyard.models.layers.convolutional.up_sampling3d import UpSampling3D
from batchyard.models.layers.convolutional.zero_padding1d import ZeroPadding1D
from batchyard.models.layers.convolutional.zero_padding2d import ZeroPadding2D
from batchyard.models.layers.convolutional.zero_padding3d import ZeroPadding3D
from batchyard.models.layers.convolutional_recurrent.conv_lstm2d import ConvLSTM2D
from batchyard.models.layers.convolutional_recurrent.conv_lstm2d_cell import ConvLSTM2DCell
from batchyard.models.layers.convolutional_recurrent.conv_rnn2d import ConvRNN2D
from batchyard.models.layers.core.activation import Activation
from batchyard.models.layers.core.activity_regularization import ActivityRegularization
from batchyard.models.layers.core.dense import Dense
from batchyard.models.layers.core.dropout import Dropout
from batchyard.models.layers.core.flatten import Flatten
from batchyard.models.layers.core.lambda_layer import Lambda
from batchyard.models.layers.core.masking import Masking
from batchyard.models.layers.core.permute import Permute
from batchyard.models.layers.core.repeat_vector import RepeatVector
from batchyard.models.layers.core.reshape import Reshape
from batchyard.models.layers.core.spatial_dropout1d import SpatialDropout1D
from batchyard.models.layers.core.spatial_dropout2d import SpatialDropout2D
from batchyard.models.layers.core.spatial_dropout3d import SpatialDropout3D
from batchyard.models.layers.core.torch_layer import TorchLayer
from batchyard.models.layers.embeddings.embedding import Embedding
from batchyard.models.layers.later import LayerNormalization, Normalization, Rescaling
from batchyard.models.layers.legacy.highway import Highway
from batchyard.models.layers.legacy.maxout_dense import MaxoutDense
from batchyard.models.layers.local.locally_connected1d import LocallyConnected1D
from batchyard.models.layers.local.locally_connected2d import LocallyConnected2D
from batchyard.models.layers.merge.concatenate import Concatenate
from batchyard.models.layers.merge.dot import Dot
from batchyard.models.layers.merge.elementwise import Add, Average, Maximum, Minimum, Multiply, Subtract
from batchyard.models.layers.merge.functional import (
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from batchyard.models.layers.noise.alpha_dropout import AlphaDropout
from batchyard.models.layers.noise.gaussian_dropout import GaussianDropout
from batchyard.models.layers.noise.gaussian_noise import GaussianNoise
from batchyard.models.layers.normalization.batch_normalization import BatchNormalization
from batchyard.models.layers.operations import NamedOperation
from batchyard.models.layers.pooling.average_pooling1d import AveragePooling1D
from batchyard.models.layers.pooling.average_pooling2d import AveragePooling2D
from batchyard.models.layers.pooling.average_pooling3d import AveragePooling3D
from batchyard.models.layers.pooling.global_average_pooling1d import GlobalAveragePooling1D
from batchyard.models.layers.pooling.global_average_pooling2d import GlobalAveragePooling2D
from batchyard.models.layers.pooling.global_average_pooling3d import GlobalAveragePooling3D
from batchyard.models.layers.pooling.global_max_pooling1d import GlobalMaxPooling1D
from batchyard.models.layers.pooling.global_max_pooling2d import GlobalMaxPooling2D
from batchyard.models.layers.pooling.global_max_pooling3d import GlobalMaxPooling3D
from batchyard.models.layers.pooling.max_pooling1d import MaxPooling1D
from batchyard.models.layers.pooling.max_pooling2d import MaxPooling2D
from batchyard.models.layers.pooling.max_pooling3d import MaxPooling3D
from batchyard.models.layers.recurrent.cudnn_gru import CuDNNGRU
from batchyard.models.layers.recurrent.cudnn_lstm import CuDNNLSTM
from batchyard.models.layers.recurrent.gru import GRU
from batchyard.models.layers.recurrent.gru_cell import GRUCell
from batchyard.models.layers.recurrent.lstm import LSTM
from batchyard.models.layers.recurrent.lstm_cell import LSTMCell
from batchyard.models.layers.recurrent.rnn import RNN
from batchyard.models.layers.recurrent.simple_rnn import SimpleRNN
from batchyard.models.layers.recurrent.simple_rnn_cell import SimpleRNNCell
from batchyard.models.layers.recurrent.stacked_rnn_cells import StackedRNNCells
from batchyard.models.layers.registry import deserialize, serialize
from batchyard.models.layers.wrappers.bidirectional import Bidirectional
from batchyard.models.layers.wrappers.time_distributed import TimeDistributed
from batchyard.models.layers.wrappers.wrapper import Wrapper

#: Keras's other names.
Convolution2D = Conv2D
MaxPool2D = MaxPooling2D
Convolution1D = Conv1D
Convolution3D = Conv3D
Convolution2DTranspose = Conv2DTranspose
Deconv2D = Conv2DTranspose
Deconvolution2D = Conv2DTranspose
Deconv3D = Conv3DTranspose
Deconvolution3D = Conv3DTranspose
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
AtrousConv1D = AtrousConvolution1D
AtrousConv2D = AtrousConvolution2D
MaxPool1D = MaxPooling1D
AvgPool1D = AveragePooling1D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalAvgPool1D = GlobalAveragePooling1D
AvgPool2D = AveragePooling2D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalAvgPool2D = GlobalAveragePooling2D
MaxPool3D = MaxPooling3D
AvgPool3D = AveragePooling3D
GlobalMaxPool3D = GlobalMaxPooling3D
GlobalAvgPool3D = GlobalAveragePooling3D

__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "AtrousConv1D",
    "AtrousConv2D",
    "AtrousConvolution1D",
    "AtrousConvolution2D",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM2D",
    "ConvLSTM2DCell",
    "ConvRNN2D",
    "Convolution1D",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "CuDNNGRU",
    "CuDNNLSTM",
    "Deconv2D",
    "Deconv3D",
    "Deconvolution2D",
    "Deconvolution3D",
    "Dense",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "Highway",
    "Input",
    "InputLayer",
    "InputSpec",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "Masking",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "MaxoutDense",
    "Minimum",
    "Multiply",
    "NamedOperation",
    "Normalization",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "StackedRNNCells",
    "Subtract",
    "ThresholdedReLU",
    "TimeDistributed",
    "TorchLayer",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]
