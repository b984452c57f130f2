"""Slices with negative steps, which Keras's programs use and torch's tensors refuse."""

import numpy as np
import pytest

from batchyard.models import Model
from batchyard.models import backend as K
from batchyard.models.layers import Input, Lambda, Layer

X = np.arange(24.0).reshape(2, 4, 3)
KEYS = [
    np.s_[:, ::-1],
    np.s_[..., ::-1],
    np.s_[::-1],
    np.s_[:, 3:0:-2, ::-1],
    np.s_[0, -2::-1, None],
    np.s_[:, None, 1::-1, 2],
    np.s_[:, 0:2:-1],
]


class Turned(Layer):
    """A layer of a user's own."""

    def call(self, inputs):
        return inputs[:, ::-1] * 2.0


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_symbolic_tensors_and_variables_are_sliced_backwards_as_arrays_are(key):
    x = K.placeholder(shape=X.shape)
    np.testing.assert_array_equal(K.function([x], [x[key]])([X])[0], X[key])
    np.testing.assert_array_equal(K.eval(K.variable(X)[key]), X[key])


def test_layers_of_users_slice_backwards():
    x = Input((None, 3))
    outputs = [Lambda(lambda t: t[..., ::-1])(x), Turned()(x)]
    assert [one.shape for one in outputs] == [(None, None, 3)] * 2
    found = Model(x, outputs).predict(X)
    np.testing.assert_array_equal(found[0], X[..., ::-1])
    np.testing.assert_array_equal(found[1], 2 * X[:, ::-1])
