"""A number of steps without a batch size: each step takes all rows (numbers recorded from Keras 2.2.4)."""

import numpy as np
import pytest

from batchyard.models import Model, backend, optimizers
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers import Dense, Input

X = np.random.RandomState(0).normal(size=(70, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def build(tensor=None, target=None):
    inputs = Input((3,)) if tensor is None else Input(tensor=tensor)
    layer = Dense(1)
    model = Model(inputs, layer(inputs))
    layer.set_weights([np.linspace(-1, 1, 3).reshape(3, 1), np.zeros(1)])
    model.compile(optimizers.SGD(0.1), "mse", metrics=["mae"], target_tensors=target)
    return model


def fitted(model, *data, **arguments):
    history = model.fit(*data, epochs=2, steps_per_epoch=3, verbose=0, **arguments)
    return history.history, model.get_weights()[0].ravel()


LOSSES, WEIGHTS = [3.5942, 0.7809], [0.5485, 0.7110, 1.1282]


@pytest.mark.parametrize("kind", ["arrays", "tensors", "input", "input and target", "target"])
def test_data_of_every_kind_are_taken_whole(kind):
    x, y = backend.variable(X), backend.variable(Y)
    history, weights = {
        "arrays": lambda: fitted(build(), X, Y, shuffle=False),
        "tensors": lambda: fitted(build(), x, y),
        "input": lambda: fitted(build(x), None, Y),
        "input and target": lambda: fitted(build(x, [y]), None, None),
        "target": lambda: fitted(build(None, [y]), X, None),
    }[kind]()
    np.testing.assert_allclose(history["loss"], LOSSES, atol=1e-4)
    np.testing.assert_allclose(weights, WEIGHTS, atol=1e-4)


def test_formulas_are_computed_at_each_step():
    x, y = backend.variable(X), backend.variable(Y)
    history, weights = fitted(build(), 2 * x, 2 * y)
    np.testing.assert_allclose(history["loss"], [7.6090, 0.0251], atol=1e-4)
    np.testing.assert_allclose(weights, [0.9856, 0.9890, 1.0160], atol=1e-4)
    one, other = np.split(build().predict(backend.random_uniform((50, 3)), steps=2), 2)
    assert not np.allclose(one, other)
    drawn = build(backend.random_uniform((50, 3)), [backend.ones((50, 1)) * 2])
    assert drawn.evaluate(steps=1, verbose=0) != drawn.evaluate(steps=1, verbose=0)


def test_validation_takes_all_rows_too():
    history, _ = fitted(build(), X, Y, validation_data=(X[:40], Y[:40]), validation_steps=2)
    np.testing.assert_allclose(history["val_loss"], [1.3048, 0.3191], atol=1e-4)
    history, _ = fitted(build(), X, Y, validation_split=0.5, validation_steps=1)
    first = fitted(build(), X[:35], Y[:35], validation_data=(X[35:], Y[35:]))[0]
    assert history == first


def test_predictions_of_all_steps_are_joined():
    model = build(backend.variable(X))
    assert model.predict(None, steps=3).shape == (210, 1)
    np.testing.assert_allclose(build().predict(X, steps=2), np.tile(build().predict(X), (2, 1)), rtol=1e-6)
    np.testing.assert_allclose(build().evaluate(X, Y, steps=3, verbose=0), [5.5956, 1.8779], atol=1e-4)


def test_with_a_batch_size_as_many_batches_are_taken():
    assert build().predict(X, batch_size=8, steps=2).shape == (16, 1)
    assert build().fit(X, Y, batch_size=16, steps_per_epoch=3, verbose=0).params["samples"] == 70


def test_formulas_without_a_number_of_steps_are_refused():
    x, y = 2 * backend.variable(X), backend.variable(Y)
    for call in (lambda m: m.fit(x, y), lambda m: m.evaluate(x, y), lambda m: m.predict(x)):
        with pytest.raises(InvalidArgumentError, match="give steps"):
            call(build())
    with pytest.raises(InvalidArgumentError, match="at least 1"):
        build().fit(X, Y, steps_per_epoch=0, verbose=0)
