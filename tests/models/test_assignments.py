"""`x += y` in scripts of Keras's time makes a new tensor: what other layers read stays as it is."""

import numpy as np
import pytest
import torch

from batchyard.models import Input, Model, backend
from batchyard.models.layers import Add, Lambda, Layer

X = np.arange(6.0, dtype="float32").reshape(2, 3)


def less_its_mean(x):
    x -= backend.mean(x, axis=1, keepdims=True)
    x *= backend.sigmoid(x)
    return x


class LessItsMean(Layer):
    def call(self, inputs):
        return less_its_mean(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.mark.parametrize("make", [LessItsMean, lambda: Lambda(less_its_mean)], ids=["layer", "Lambda"])
def test_an_input_that_is_assigned_to_stays_as_it_is_for_others(make):
    inputs = Input((3,))
    doubled = Lambda(lambda x: 2 * x)(inputs)
    model = Model(inputs, [Add()([make()(doubled), doubled]), doubled])
    centred = 2 * X - 2 * X.mean(1, keepdims=True)
    expected = centred / (1 + np.exp(-centred))
    total, kept = model.predict(X)
    np.testing.assert_allclose(kept, 2 * X)
    np.testing.assert_allclose(total, expected + 2 * X, rtol=1e-5)


def test_gradients_go_through_assignments():
    layer = LessItsMean()
    x = torch.from_numpy(X).requires_grad_()
    layer(x).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_methods_called_by_name_change_the_tensor():
    class Counts(Layer):
        def build(self, input_shape):
            self.count = self.add_weight("count", (), initializer="zeros", trainable=False)
            super().build(input_shape)

        def call(self, inputs):
            self.count.add_(1)
            return inputs

    layer = Counts()
    layer(torch.ones(2, 3))
    layer(torch.ones(2, 3))
    assert layer.count.item() == 2


def test_a_variable_is_the_beginning_of_a_sum():
    loss = start = backend.variable(1.0)
    loss += 2 * backend.sum(torch.ones(3))
    loss *= 2
    loss -= 4
    loss /= 5
    assert backend.eval(loss) == 2
    assert start.item() == 1
    inputs = Input((3,))
    total = start
    total += backend.sum(inputs)
    total /= 2
    assert backend.function([inputs], [total])([X])[0] == 8
