"""An optimizer's gradients and updates in functions of graphs."""

import numpy as np
import pytest
import torch

from batchyard.models import Sequential, backend, optimizers
from batchyard.models.layers import Dense, Input

X = np.random.RandomState(0).normal(size=(8, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam"])
def test_a_function_with_an_optimizer_s_updates_trains_as_fit_does(name):
    def build():
        torch.manual_seed(0)
        return Sequential([Dense(1, input_shape=(3,))])

    model, like = build(), build()
    target = Input((1,))
    loss = backend.mean(backend.square(model.outputs[0] - target))
    optimizer = optimizers.get(name)
    updates = optimizer.get_updates(loss, model.trainable_weights)
    step = backend.function([model.inputs[0], target], [loss], updates=updates)
    like.compile(name, "mse")
    for _ in range(3):
        assert step([X, Y])[0] == pytest.approx(like.train_on_batch(X, Y), rel=1e-5)
    assert optimizer.iterations == 3
    for one, other in zip(model.get_weights(), like.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_gradients_are_clipped_for_tensors_and_for_graphs():
    w = backend.variable([3.0, 4.0])
    optimizer = optimizers.SGD(clipnorm=1.0)
    (gradient,) = optimizer.get_gradients(backend.sum(w * torch.tensor([3.0, 4.0])), [w])
    np.testing.assert_allclose(backend.eval(gradient), [0.6, 0.8], rtol=1e-6)
    x = Input((2,))
    (symbolic,) = optimizers.SGD(clipvalue=0.5).get_gradients(backend.sum(x * w), [x])
    assert backend.function([x], [symbolic])([np.ones((1, 2))])[0].tolist() == [[0.5, 0.5]]
    assert optimizers.clip_norm(torch.tensor(6.0), 2.0, torch.tensor(3.0)).item() == 4.0
    assert optimizers.clip_norm(torch.tensor(6.0), 0, torch.tensor(3.0)).item() == 6.0
    assert optimizers.clip_norm(torch.tensor(6.0), 4.0, torch.tensor(3.0)).item() == 6.0


def test_a_loss_of_variables_is_followed_by_an_update_whenever_that_is_computed():
    w = backend.variable(2.0)
    updates = optimizers.SGD(lr=0.25).get_updates(backend.square(w), [w])
    step = backend.function([], [backend.square(w)], updates=updates)
    assert [float(step([])[0]) for _ in range(3)] == [4.0, 1.0, 0.25]
