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
from batchyard.models.layers.embeddings.embedding import Embedding
from batchyard.models.layers.normalization.batch_normalization import BatchNormalization
from batchyard.models.layers.pooling.max_pooling2d import MaxPooling2D
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

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "BatchNormalization",
    "Bidirectional",
    "Conv2D",
    "Convolution2D",
    "CuDNNGRU",
    "CuDNNLSTM",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "Input",
    "InputLayer",
    "InputSpec",
    "LSTMCell",
    "Layer",
    "Masking",
    "MaxPool2D",
    "MaxPooling2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "StackedRNNCells",
    "TimeDistributed",
    "Wrapper",
    "deserialize",
    "serialize",
]
