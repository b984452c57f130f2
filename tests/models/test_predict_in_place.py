"""`predict` computes where the data lie, if nobody could change them there: the rows' bits stay the same."""

import numpy as np
import pytest
import torch

from batchyard.models import Model, Sequential
from batchyard.models.layers import (
    LSTM,
    Activation,
    BatchNormalization,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Lambda,
    TorchLayer,
)


class _Doubled(Dense):
    def call(self, inputs):
        return super().call(inputs.mul_(2.0))


def _shifted(x, by):
    """Returns the same numbers in memory that begins `by` bytes behind a multiple of 64."""
    room = np.empty(x.nbytes + 128, np.uint8)
    start = -room.ctypes.data % 64 + by
    found = room[start : start + x.nbytes].view(x.dtype).reshape(x.shape)
    found[...] = x
    return found


MODELS = {
    "dense": ([lambda: Dense(5, activation="relu", input_shape=(16,))], (16,)),
    "convolution": ([lambda: Conv1D(3, 3, input_shape=(8, 16)), Flatten, lambda: Dense(2)], (8, 16)),
    "recurrent": ([lambda: LSTM(6, input_shape=(8, 16))], (8, 16)),
    "normalized": ([lambda: BatchNormalization(input_shape=(16,)), lambda: Activation("relu")], (16,)),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch_size", [4, 7])
def test_the_same_bits_wherever_the_data_lie(name, batch_size):
    makers, shape = MODELS[name]
    model = Sequential([make() for make in makers])
    assert model.only_reads_inputs
    x = np.random.default_rng(0).standard_normal((30, *shape), dtype="float32")
    one_by_one = np.concatenate(
        [
            model.predict(np.concatenate([x[at : at + batch_size], np.zeros_like(x)])[:batch_size])
            for at in range(0, 30, batch_size)
        ]
    )[:30]
    for by in (0, 4, 16, 36, 48):
        moved = _shifted(x, by)
        assert np.array_equal(model.predict(moved, batch_size=batch_size), one_by_one), by
        assert np.array_equal(moved, x)
    turned = np.asfortranarray(x)
    assert np.array_equal(model.predict(turned, batch_size=batch_size), one_by_one)
    assert np.array_equal(model.predict(x.astype("float64"), batch_size=batch_size), one_by_one)


@pytest.mark.parametrize(
    "first",
    [
        lambda: Lambda(lambda x: x.mul_(2.0), input_shape=(16,)),
        lambda: _Doubled(5, input_shape=(16,)),
        lambda: TorchLayer(torch.nn.ReLU(inplace=True), input_shape=(16,)),
        lambda: Activation(lambda x: x.mul_(2.0), input_shape=(16,)),
        lambda: Dropout(0.5, input_shape=(16,)),
    ],
    ids=["lambda", "subclass", "torch module", "activation", "dropout"],
)
def test_data_are_copied_where_a_layer_could_change_them(first):
    model = Sequential([first(), TorchLayer(torch.nn.ReLU(inplace=True))])
    assert not model.only_reads_inputs
    x = np.random.default_rng(0).standard_normal((32, 16), dtype="float32")
    kept = x.copy()
    model.predict(x, batch_size=16)
    assert np.array_equal(x, kept)


def test_data_are_copied_where_a_hook_could_change_them():
    model = Sequential([Dense(5, input_shape=(16,))])
    model.layers[0].register_forward_pre_hook(lambda layer, given: (given[0].mul_(2.0),))
    x = np.ones((32, 16), "float32")
    model.predict(x)
    assert np.array_equal(x, np.ones_like(x))


def test_an_output_that_is_an_input_is_no_view_of_it():
    given = Input((16,))
    model = Model(given, [given, Dense(2)(given)])
    assert not model.only_reads_inputs
    x = np.ones((8, 16), "float32")
    same, _ = model.predict(x)
    same[:] = 0
    assert x.all()


def test_whole_numbers_are_looked_up_where_they_lie():
    model = Sequential([Embedding(50, 4, input_shape=(16,))])
    x = np.random.default_rng(0).integers(0, 50, (20, 16))
    expected = model.layers[0].get_weights()[0][x]
    assert np.array_equal(model.predict(x, batch_size=8), expected)
