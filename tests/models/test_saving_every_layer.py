"""Every layer of the library comes back from files, JSON and YAML with the same bits."""

# ruff: noqa: E501  # a wide table
import inspect
import warnings

import numpy as np
import pytest

from batchyard.models import Input, Model, Sequential, layers, load_model, model_from_json, model_from_yaml
from batchyard.models.engine.layer import Layer
from batchyard.models.errors import NotSerializableError
from batchyard.models.layers import later
from batchyard.models.layers.registry import layers as registry

#: Inputs without the batch axis.
ROW, TIME, IMAGE, VOLUME, FILM = (4,), (6, 3), (6, 6, 2), (4, 4, 4, 2), (3, 5, 5, 2)
#: For each layer: the shape of an input, and its arguments.
CASES = {
    "Activation": (ROW, {"activation": "tanh"}), "ActivityRegularization": (ROW, {"l1": 0.1}),
    "AlphaDropout": (ROW, {"rate": 0.5}), "AveragePooling1D": (TIME, {}), "AveragePooling2D": (IMAGE, {}),
    "AveragePooling3D": (VOLUME, {}), "BatchNormalization": (ROW, {}), "Conv1D": (TIME, {"filters": 2, "kernel_size": 2}),
    "Conv2D": (IMAGE, {"filters": 2, "kernel_size": 2}), "Conv2DTranspose": (IMAGE, {"filters": 2, "kernel_size": 2}),
    "Conv3D": (VOLUME, {"filters": 2, "kernel_size": 2}), "Conv3DTranspose": (VOLUME, {"filters": 2, "kernel_size": 2}),
    "ConvLSTM2D": (FILM, {"filters": 2, "kernel_size": 2}), "Cropping1D": (TIME, {}), "Cropping2D": (IMAGE, {"cropping": 1}),
    "Cropping3D": (VOLUME, {}), "CuDNNGRU": (TIME, {"units": 2}), "CuDNNLSTM": (TIME, {"units": 2}),
    "Dense": (ROW, {"units": 3, "kernel_regularizer": "l1", "bias_constraint": "non_neg"}),
    "DepthwiseConv2D": (IMAGE, {"kernel_size": 2}), "Dropout": (ROW, {"rate": 0.5}), "ELU": (ROW, {"alpha": 0.5}),
    "Embedding": (ROW, {"input_dim": 5, "output_dim": 2}), "Flatten": (IMAGE, {}),
    "GRU": (TIME, {"units": 2, "reset_after": True}), "GaussianDropout": (ROW, {"rate": 0.5}),
    "GaussianNoise": (ROW, {"stddev": 1.0}), "GlobalAveragePooling1D": (TIME, {}), "GlobalAveragePooling2D": (IMAGE, {}),
    "GlobalAveragePooling3D": (VOLUME, {}), "GlobalMaxPooling1D": (TIME, {}), "GlobalMaxPooling2D": (IMAGE, {}),
    "GlobalMaxPooling3D": (VOLUME, {}), "Highway": (ROW, {}), "LSTM": (TIME, {"units": 2, "go_backwards": True}),
    "LayerNormalization": (ROW, {}), "LeakyReLU": (ROW, {"alpha": 0.25}),
    "LocallyConnected1D": (TIME, {"filters": 2, "kernel_size": 2}),
    "LocallyConnected2D": (IMAGE, {"filters": 2, "kernel_size": 2}), "Masking": (TIME, {"mask_value": 0.5}),
    "MaxPooling1D": (TIME, {}), "MaxPooling2D": (IMAGE, {"padding": "same"}), "MaxPooling3D": (VOLUME, {}),
    "MaxoutDense": (ROW, {"output_dim": 2}), "PReLU": (IMAGE, {"shared_axes": [1, 2]}), "Permute": (TIME, {"dims": (2, 1)}),
    "ReLU": (ROW, {"max_value": 1.0}), "RepeatVector": (ROW, {"n": 2}), "Rescaling": (ROW, {"scale": 2.0}),
    "Reshape": (ROW, {"target_shape": (2, 2)}), "SeparableConv1D": (TIME, {"filters": 2, "kernel_size": 2}),
    "SeparableConv2D": (IMAGE, {"filters": 2, "kernel_size": 2}), "SimpleRNN": (TIME, {"units": 2}), "Softmax": (ROW, {}),
    "SpatialDropout1D": (TIME, {"rate": 0.5}), "SpatialDropout2D": (IMAGE, {"rate": 0.5}),
    "SpatialDropout3D": (VOLUME, {"rate": 0.5}), "ThresholdedReLU": (ROW, {"theta": 0.5}), "UpSampling1D": (TIME, {}),
    "UpSampling2D": (IMAGE, {}), "UpSampling3D": (VOLUME, {}), "ZeroPadding1D": (TIME, {}), "ZeroPadding2D": (IMAGE, {}),
    "ZeroPadding3D": (VOLUME, {}),
    # of later versions of Keras
    "AdaptiveAveragePooling1D": (TIME, {"output_size": 4}), "AdaptiveAveragePooling2D": (IMAGE, {"output_size": 4}),
    "AdaptiveAveragePooling3D": (VOLUME, {"output_size": 3}), "AdaptiveMaxPooling1D": (TIME, {"output_size": 4}),
    "AdaptiveMaxPooling2D": (IMAGE, {"output_size": (4, 3)}), "AdaptiveMaxPooling3D": (VOLUME, {"output_size": 3}),
    "CategoryEncoding": (ROW, {"num_tokens": 3, "output_mode": "count"}), "CenterCrop": (IMAGE, {"height": 4, "width": 3}),
    "Discretization": (ROW, {"bin_boundaries": [0.25, 0.5]}), "IntegerLookup": (ROW, {"vocabulary": [3, 1, 0]}),
    "LayerScale": (TIME, {"init_values": 0.5, "projection_dim": 3}), "StochasticDepth": (TIME, {"drop_path_rate": 0.5}),
    "RandomBrightness": (IMAGE, {"factor": 0.2}), "RandomContrast": (IMAGE, {"factor": 0.2}),
    "RandomCrop": (IMAGE, {"height": 4, "width": 5, "keeps_in_inference": True}), "RandomFlip": (IMAGE, {}), "RandomHeight": (IMAGE, {"factor": 0.2}),
    "RandomRotation": (IMAGE, {"factor": 0.2}), "RandomTranslation": (IMAGE, {"height_factor": 0.2, "width_factor": (0.1, 0.2)}),
    "RandomWidth": (IMAGE, {"factor": 0.2}), "RandomZoom": (IMAGE, {"height_factor": 0.2}), "Conv1DTranspose": (TIME, {"filters": 2, "kernel_size": 2, "strides": 2}),
    "ConvLSTM1D": ((3, 5, 2), {"filters": 2, "kernel_size": 2}), "ConvLSTM3D": ((2, 3, 3, 3, 2), {"filters": 2, "kernel_size": 2}),
    "DepthwiseConv1D": (TIME, {"kernel_size": 2}), "EinsumDense": (TIME, {"equation": "abc,cd->abd", "output_shape": (None, 2)}),
    "GroupNormalization": (IMAGE, {"groups": 2}), "LaterUpSampling2D": (IMAGE, {"interpolation": "bicubic"}),
    "RMSNormalization": (ROW, {}), "Resizing": (IMAGE, {"height": 4, "width": 9}),
}  # fmt: skip
CASES.update({name: (IMAGE, {"some": "argument"}) for name in later.PREDICTING_ONLY})
#: Layers that take a list of sequences.
ATTENTIONS = {
    "AdditiveAttention": {}, "Attention": {"use_scale": True, "score_mode": "concat"},
    "CustomScaleLayer": {"scale": 0.5}, "GroupQueryAttention": {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2},
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 3},
}  # fmt: skip
MERGES = ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract")
WRAPPED = {
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(2)),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(2)),
    "RNN": lambda: layers.RNN(layers.SimpleRNNCell(2)),
    "SimpleRNNCell": lambda: layers.RNN(layers.SimpleRNNCell(2)),
    "StackedRNNCells": lambda: layers.RNN([layers.GRUCell(2), layers.LSTMCell(3)]),
    "GRUCell": lambda: layers.RNN(layers.GRUCell(2)),
    "LSTMCell": lambda: layers.RNN(layers.LSTMCell(2)),
    "SpectralNormalization": lambda: later.SpectralNormalization(layers.Dense(2)),
    "Sequential": lambda: Sequential([layers.Dense(2, input_shape=TIME)]),
}
#: Those that Keras 2.2.4 lacks, which saving tells.
LATER = (*later.__all__, *later.PREDICTING_ONLY)
LACKING_IN_KERAS_3 = (
    "Highway",
    "MaxoutDense",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "RandomHeight",
    "RandomWidth",
)
#: Not layers of a model by themselves, made by reading files, or tested where their functions are.
ELSEWHERE = {
    "ConvLSTM2DCell": "within ConvLSTM2D",
    "ConvRNN2D": "the base of ConvLSTM2D",
    "InputLayer": "in every model",
    "Lambda": "with its functions, in test_saving",
    "Model": "in every test here",
    "NamedOperation": "made by reading operations of TensorFlow",
    "PredictingOnly": "the base of those in PREDICTING_ONLY",
    "Normalization": "has numbers of its own, tested with the files of Keras 3",
    "TorchLayer": "of a module of torch, tested with it",
    "Wrapper": "abstract",
}


def names():
    """The classes of this library, each by its own name."""
    found = {registry.find(name) for name in registry}
    return {kind.__name__ for kind in found if inspect.isclass(kind) and issubclass(kind, Layer)}


def test_no_layer_is_forgotten():
    known = {*CASES, *ATTENTIONS, *MERGES, *WRAPPED, *ELSEWHERE}
    assert names() - known == set()


def make(name):
    if name in ATTENTIONS:
        ends = [Input(TIME), Input(TIME)]
        call = {"use_causal_mask": True} if "Attention" in name else {}
        return Model(ends, getattr(later, name)(**ATTENTIONS[name])(ends, **call))
    if name in MERGES:
        ends = [Input(ROW), Input(ROW)]
        arguments = {"axes": 1} if name == "Dot" else {}
        return Model(ends, getattr(layers, name)(**arguments)(ends))
    shape, layer = (TIME, WRAPPED[name]()) if name in WRAPPED else (CASES[name][0], None)
    begin = Input(shape)
    layer = layer or registry.find(name)(**CASES[name][1])
    return Model(begin, layer(begin))


def data(model):
    numbers = np.random.default_rng(0)
    x = [numbers.random((3, *tensor.shape[1:]), dtype="float32") for tensor in model.inputs]
    return x[0] if len(x) == 1 else x


def bits(value):
    return [array.tobytes() for array in (value if isinstance(value, list) else [value])]


@pytest.mark.parametrize("name", [*CASES, *ATTENTIONS, *MERGES, *WRAPPED])
def test_it_comes_back_from_hdf5_json_and_yaml(name, tmp_path):
    model = make(name)
    x = data(model)
    expected, weights = bits(model.predict(x)), bits(model.get_weights())
    if name in LATER:
        with pytest.warns(UserWarning, match=f"2.2.4 can't open.*the class {name} of layer"):
            model.save(tmp_path / "model.h5", include_optimizer=False)
    else:
        model.save(tmp_path / "model.h5", include_optimizer=False)
    model.save_weights(tmp_path / "weights.h5")
    loaded = load_model(tmp_path / "model.h5", compile=False)
    again = [
        model_from_json(model.to_json()),
        model_from_yaml(model.to_yaml()),
        Model.from_config(model.get_config()),
    ]
    for other in again:
        other.load_weights(tmp_path / "weights.h5")
    for other in (loaded, *again):
        assert other.get_config() == model.get_config()
        assert bits(other.get_weights()) == weights
        assert bits(other.predict(x)) == expected


@pytest.mark.parametrize("name", [*CASES, *ATTENTIONS, *MERGES, *WRAPPED])
def test_it_comes_back_from_keras_3s_archive_or_is_refused_by_name(name, tmp_path):
    model = make(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        if name in LACKING_IN_KERAS_3:
            with pytest.raises(NotSerializableError, match=f"{name}, which Keras 3 lacks"):
                model.save(tmp_path / "model.keras")
            return
        model.save(tmp_path / "model.keras")
        loaded = load_model(tmp_path / "model.keras", compile=False)
    x = data(model)
    np.testing.assert_allclose(loaded.predict(x), model.predict(x), rtol=1e-5, atol=1e-6)
