"""A layer that takes the relu behind it along computes what the two do one after the other."""

import numpy as np
import pytest
import torch

from batchyard.models import Input, Model
from batchyard.models.layers import Activation, Add, BatchNormalization, Dense


def _model(shared=False):
    x = Input((6,))
    a = BatchNormalization(name="norm")(Dense(6, name="dense")(x))
    b = Activation("relu", name="relu")(a)
    c = Activation("relu", name="relu_of_sum")(Add(name="sum")([b, x]))
    return Model(x, [c, a] if shared else c)


def _train(model):
    random = np.random.default_rng(0)
    x, y = random.standard_normal((2, 32, 6)).astype("float32")
    model.compile("sgd", "mse")
    history = model.fit(x, y, batch_size=8, epochs=3, verbose=0)
    return history.history["loss"], model.get_weights(), model.predict(x)


@pytest.mark.parametrize("name", ["norm", "relu", "sum"])
def test_numbers_are_the_same_bits_when_hooks_make_each_layer_run_on_its_own(name):
    plain = _model()
    watched = _model()
    watched.set_weights(plain.get_weights())
    seen = []
    watched.get_layer(name).register_forward_hook(lambda layer, given, output: seen.append(output.min()))
    torch.manual_seed(1)
    first = _train(plain)
    torch.manual_seed(1)
    second = _train(watched)
    assert first[0] == second[0]
    for one, other in zip(first[1], second[1], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(first[2], second[2])
    assert len(seen) == 3 * 4 + 1
    assert (min(seen) < 0) == (name != "relu")


def test_an_output_that_others_need_keeps_its_negative_numbers():
    model = _model(shared=True)
    x = np.random.default_rng(0).standard_normal((8, 6)).astype("float32")
    after, before = model.predict(x)
    assert after.min() == 0
    assert before.min() < 0


def test_a_layer_of_the_users_is_called_as_it_is():
    class Same(Add):
        def merge(self, inputs):
            return inputs[0]

    x = Input((3,))
    model = Model(x, Activation("relu")(Same()([x, x])))
    given = torch.tensor([[-1.0, 0.0, 2.0]])
    assert model(given).tolist() == [[0.0, 0.0, 2.0]]
    assert given.tolist() == [[-1.0, 0.0, 2.0]]
