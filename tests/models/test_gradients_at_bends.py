"""Where two operands are equal, or a function has a bend, gradients are those of Keras 2.2.4 on TensorFlow.

Exact zeros are common: padded steps, dropped inputs, the relu before. The numbers were read off Keras 2.2.4.
"""

import numpy as np
import pytest

from batchyard.models import Model, layers
from batchyard.models import backend as K

#: The function; its results and gradients at 0, 1 and 2.
BENDS = {
    "maximum": (lambda x: K.maximum(x, 1.0), [1, 1, 2], [0, 1, 1]),
    "maximum, second": (lambda x: K.maximum(1.0 + 0.0 * x, x), [1, 1, 2], [0, 0, 1]),
    "minimum": (lambda x: K.minimum(x, 1.0), [0, 1, 1], [1, 1, 0]),
    "minimum, second": (lambda x: K.minimum(1.0 + 0.0 * x, x), [0, 1, 1], [1, 0, 0]),
    "clip": (lambda x: K.clip(x, 1.0, 2.0), [1, 1, 2], [0, 1, 1]),
    "relu": (K.relu, [0, 1, 2], [0, 1, 1]),
    "relu, limited": (lambda x: K.relu(x, max_value=1.0), [0, 1, 1], [0, 1, 0]),
    "relu, threshold": (lambda x: K.relu(x, threshold=1.0), [0, 0, 2], [0, 0, 1]),
    "relu, leaking threshold": (lambda x: K.relu(x, 0.3, threshold=1.0), [-0.3, 0, 2], [0.3, 0, 1]),
    "relu, leaking and limited": (lambda x: K.relu(x, 0.3, max_value=2.0), [0, 1, 2], [0, 1, 1]),
    "relu, leaking": (lambda x: K.relu(x, 0.3), [0, 1, 2], [0.3, 1, 1]),
    "elu": (lambda x: K.elu(x, 0.3), [0, 1, 2], [0.3, 1, 1]),
}


@pytest.mark.parametrize("name", BENDS)
def test_gradients_at_bends_are_those_of_keras(name):
    function, values, gradients = BENDS[name]
    x = K.placeholder((None,))
    compute = K.function([x], [function(x), *K.gradients(K.sum(function(x)), [x])])
    found = compute([np.array([0.0, 1.0, 2.0], "float32")])
    np.testing.assert_allclose(found, [values, gradients], rtol=1e-6)


@pytest.mark.parametrize("function", [K.maximum, K.minimum])
@pytest.mark.parametrize("numbers", [(np.nan, 1.0), (1.0, np.nan)])
def test_the_greater_and_the_lesser_of_nan_and_a_number_are_nan(function, numbers):
    assert np.isnan(K.get_value(function(*(K.constant([one]) for one in numbers)))).all()


@pytest.mark.parametrize(
    ("make", "gradient"),
    [
        (lambda x: layers.Maximum()([x, layers.Lambda(lambda t: 3 * t)(x)]), 1),
        (lambda x: layers.Minimum()([layers.Lambda(lambda t: 3 * t)(x), x]), 3),
        (layers.PReLU(alpha_initializer="ones"), 0),
        (layers.LeakyReLU(0.25), 0.25),
        (layers.ELU(0.25), 0.25),
        (layers.ReLU(6.0), 0),
        (layers.ThresholdedReLU(0.0), 0),
    ],
)
def test_gradients_of_layers_at_0_are_those_of_keras(make, gradient):
    x = layers.Input((2,))
    model = Model(x, make(x))
    compute = K.function([x], K.gradients(K.sum(model.output), [x]))
    np.testing.assert_allclose(compute([np.zeros((1, 2), "float32")])[0], np.full((1, 2), gradient))
