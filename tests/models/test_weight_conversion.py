"""Weights between layers of other layouts: CuDNN's, Keras 1's, Theano's."""

import h5py
import numpy as np
import pytest

from batchyard.models import Input, Model, Sequential
from batchyard.models.compat import saving
from batchyard.models.errors import ShapeError
from batchyard.models.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    ConvLSTM2D,
    CuDNNGRU,
    CuDNNLSTM,
    Dense,
    TimeDistributed,
)

X = np.random.RandomState(0).normal(size=(3, 4, 5)).astype("float32")


def _model(layer):
    return Sequential([layer])


def _pair(kind, wrap):
    plain, cudnn = {
        "LSTM": (
            LSTM(2, recurrent_activation="sigmoid", input_shape=(4, 5)),
            CuDNNLSTM(2, input_shape=(4, 5)),
        ),
        "GRU": (
            GRU(2, recurrent_activation="sigmoid", reset_after=True, input_shape=(4, 5)),
            CuDNNGRU(2, input_shape=(4, 5)),
        ),
    }[kind]
    return [_model(wrap(layer)) for layer in (plain, cudnn)]


def _wrap_in_bidirectional(layer):
    layer.return_sequences = True
    return Bidirectional(layer, input_shape=(4, 5))


def _wrap_in_model(layer):
    x = Input((4, 5))
    return Model(x, layer(x))


@pytest.mark.parametrize("wrap", [lambda layer: layer, _wrap_in_bidirectional, _wrap_in_model])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_weights_of_cudnn_layers_and_of_plain_ones_become_each_other_s(kind, wrap):
    plain, cudnn = _pair(kind, wrap)
    random = np.random.RandomState(1)
    for source, target in ((plain, cudnn), (cudnn, plain)):
        source.set_weights([random.normal(size=w.shape).astype("float32") for w in source.get_weights()])
        layer = target.layers[0]
        layer.set_weights(saving.preprocess_weights_for_loading(layer, source.layers[0].get_weights()))
        np.testing.assert_allclose(target.predict(X), source.predict(X), atol=1e-5)


def test_the_kernel_of_a_gate_lies_transposed_in_memory_in_cudnn_s_layout():
    layer = LSTM(3, recurrent_activation="sigmoid")
    layer.build((None, 4, 2))
    gate = np.arange(6.0).reshape(2, 3)
    cudnn = [np.hstack([gate] * 4), np.hstack([np.arange(9.0).reshape(3, 3)] * 4), np.arange(24.0)]
    kernel, recurrent, bias = saving.preprocess_weights_for_loading(layer, cudnn)
    assert kernel[:, :3].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert recurrent[:, 3:6].tolist() == np.arange(9.0).reshape(3, 3).T.tolist()
    assert bias.tolist() == (np.arange(12.0) + np.arange(12.0, 24.0)).tolist()


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (GRU(2), CuDNNGRU(2), r"GRU\(reset_after=False\) is not compatible with CuDNNGRU"),
        (CuDNNGRU(2), GRU(2), r"CuDNNGRU is not compatible with GRU\(reset_after=False\)"),
        (GRU(2, reset_after=True), GRU(2), r"GRU\(reset_after=True\) is not compatible"),
        (LSTM(2), CuDNNGRU(2), r"bias of CuDNNGRU with 2 units has the shape \(8,\)"),
    ],
)
def test_weights_that_compute_something_else_are_refused(source, target, message):
    source.build((None, 4, 5))
    with pytest.raises(ShapeError, match=message):
        saving.preprocess_weights_for_loading(target, source.get_weights())


def test_gates_of_keras_1_are_joined_in_the_order_of_keras_2():
    numbers = [np.full((2, 2), number, "float32") for number in range(12)]
    numbers[2::3] = [bias[0] for bias in numbers[2::3]]
    kernel, recurrent, bias = saving.preprocess_weights_for_loading(LSTM(2), numbers, "1")
    assert kernel[0].tolist() == [0, 0, 6, 6, 3, 3, 9, 9]
    assert recurrent[0].tolist() == [1, 1, 7, 7, 4, 4, 10, 10]
    assert bias.tolist() == [2, 2, 8, 8, 5, 5, 11, 11]
    kernel, *_ = saving.preprocess_weights_for_loading(GRU(2), numbers[:9], "1")
    assert kernel[0].tolist() == [0, 0, 3, 3, 6, 6]


@pytest.mark.parametrize(
    ("layer", "old", "new"),
    [
        (Conv1D(4, 3), (3, 1, 2, 4), (3, 2, 4)),
        (Conv1D(4, 3), (4, 2, 3, 1), (3, 2, 4)),
        (Conv2D(4, (2, 3), data_format="channels_first"), (4, 5, 2, 3), (2, 3, 5, 4)),
        (Conv2D(4, (2, 3), data_format="channels_last"), (2, 3, 5, 4), (2, 3, 5, 4)),
        (Conv2DTranspose(4, (2, 3), data_format="channels_last"), (2, 3, 5, 4), (2, 3, 4, 5)),
        (Conv2DTranspose(4, (2, 3), data_format="channels_first"), (4, 5, 2, 3), (2, 3, 4, 5)),
    ],
)
def test_kernels_of_keras_1_are_turned(layer, old, new):
    kernel, bias = saving.preprocess_weights_for_loading(layer, [np.zeros(old), np.zeros(4)], "1")
    assert (kernel.shape, bias.shape) == (new, (4,))


def test_kernels_of_theano_are_turned_by_half_a_turn():
    kernel = np.arange(8.0).reshape(2, 2, 1, 2)
    turned, _ = saving.preprocess_weights_for_loading(Conv2D(2, 2), [kernel, np.zeros(2)], None, "theano")
    assert turned[0, 0, 0].tolist() == kernel[1, 1, 0].tolist()
    gates = [np.arange(4.0).reshape(2, 2, 1, 1)] * 2 + [np.zeros(4)]
    turned = saving.preprocess_weights_for_loading(ConvLSTM2D(1, 2), gates, None, "theano")
    assert [one[0, 0].item() for one in turned[:2]] == [3, 3]


def test_groups_of_weights_are_written_and_read_with_other_shapes(tmp_path):
    model = Sequential([Conv2D(4, 1, input_shape=(2, 2, 3), name="a"), Dense(2, name="b")])
    other = Sequential([Dense(4, input_shape=(3,), name="a"), Dense(2, name="b")])
    same = Sequential([Conv2D(4, (1, 1), input_shape=(2, 2, 3), name="a"), Dense(2, name="b")])
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        saving.save_weights_to_hdf5_group(file, model.layers)
        for load in (
            saving.load_weights_from_hdf5_group,
            saving.load_weights_from_hdf5_group_by_name,
        ):
            for reshape in (False, True):
                same.set_weights([np.zeros(w.shape) for w in same.get_weights()])
                load(file, same.layers, reshape=reshape)
                assert np.array_equal(same.get_weights()[0], model.get_weights()[0])
            with pytest.raises(ValueError, match="shape"):
                load(file, other.layers)
        saving.save_attributes_to_hdf5_group(file, "notes", [b"one", b"two"])
        assert saving.load_attributes_from_hdf5_group(file, "notes") == ["one", "two"]
        assert saving.load_attributes_from_hdf5_group(file, "none") == []


def test_a_kernel_of_as_many_numbers_can_be_given_the_layer_s_shape():
    layer = Conv2D(4, 1)
    layer.build((None, 2, 2, 3))
    kernel = np.arange(12.0).reshape(3, 4)
    fitted, _ = saving.preprocess_weights_for_loading(layer, [kernel, np.zeros(4)], reshape=True)
    assert fitted.shape == (1, 1, 3, 4)
    with pytest.raises(ShapeError, match="as many numbers"):
        saving.preprocess_weights_for_loading(layer, [np.zeros((2, 4)), np.zeros(4)], reshape=True)


def test_a_model_survives_its_bytes():
    model = Sequential([TimeDistributed(Dense(2), input_shape=(4, 5))])
    again = saving.unpickle_model(saving.pickle_model(model))
    assert np.array_equal(again.predict(X), model.predict(X))
