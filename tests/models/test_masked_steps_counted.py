"""A loss with a mask is divided by all steps where the model is from Keras 2.3, or tf.keras up to 2.9."""

import io

import numpy as np
import pytest

from batchyard.models import Sequential, layers, load_model
from batchyard.models.saving.foreign.producer import producer_of


def model_that(counts, **compiling):
    model = Sequential([layers.Masking(0.0, input_shape=(4, 2)), layers.TimeDistributed(layers.Dense(1))])
    model.set_weights([np.array([[0.5], [0.25]]), np.array([0.125])])
    model.compile("sgd", "mse", counts_masked_steps=counts, **compiling)
    return model


def data():
    x = np.random.default_rng(0).random((6, 4, 2), dtype="float32")
    x[:3, 2:] = 0.0
    return x, np.ones((6, 4, 1), "float32")


def test_the_loss_and_its_steps_are_smaller_by_the_share_of_steps_that_count():
    x, y = data()
    plain, counting = model_that(False), model_that(True)
    before = plain.get_weights()
    assert counting.train_on_batch(x, y) == pytest.approx(0.75 * plain.train_on_batch(x, y), rel=1e-6)
    for old, one, other in zip(before, plain.get_weights(), counting.get_weights(), strict=True):
        np.testing.assert_allclose(other - old, 0.75 * (one - old), rtol=1e-4)
    loss = counting.test_on_batch(x, y)
    assert loss == pytest.approx(
        float((((counting.predict(x) - y) ** 2)[:, :, 0] * x.any(-1)).mean()), rel=1e-6
    )


def test_metrics_are_means_of_the_steps_that_count():
    x, y = data()
    ours, theirs = (
        model_that(counts, metrics=["mse", "mae"]).test_on_batch(x, y) for counts in (False, True)
    )
    assert theirs[0] == pytest.approx(0.75 * ours[0], rel=1e-6)
    np.testing.assert_allclose(theirs[1:], ours[1:], rtol=1e-6)


def test_lanes_count_all_steps_of_the_batch():
    x, y = data()
    one, several = model_that(True), model_that(True)
    one.fit(x, y, batch_size=6, epochs=2, verbose=0, shuffle=False)
    several.fit(x, y, batch_size=6, epochs=2, verbose=0, shuffle=False, lanes=2)
    for a, b in zip(one.get_weights(), several.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_files_keep_it():
    x, y = data()
    model, stream = model_that(True), io.BytesIO()
    model.save(stream)
    again = load_model(stream)
    assert again.train_on_batch(x, y) == model.train_on_batch(x, y)


@pytest.mark.parametrize(
    ("version", "counts"),
    [
        ("1.2.2", False),
        ("2.2.4", False),
        ("2.3.1", True),
        ("2.1.6-tf", False),
        ("2.2.4-tf", True),
        ("2.9.0", True),
        ("2.10.0", False),
        ("2.15.0", False),
        ("3.5.0", False),
    ],
)
def test_the_writers_version_decides(version, counts):
    assert producer_of(version).counts_masked_steps is counts
