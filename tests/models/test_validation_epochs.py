"""`validation_freq`, Keras 2.3's argument: after which epochs `fit` and `fit_generator` validate."""

import numpy as np
import pytest

from batchyard.models import Sequential
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers import Dense

X, Y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")


def batches():
    while True:
        yield X[:4], Y[:4]


def model():
    made = Sequential([Dense(1, input_shape=(2,))])
    made.compile("sgd", "mse")
    return made


#: As recorded of `fit` of Keras 2.3.1: frequency, first epoch, numbers of values of loss and val_loss.
RECORDED = [
    (1, 0, 5, 5),
    (2, 0, 5, 2),
    (2, 2, 3, 1),
    ([1, 4], 0, 5, 2),
    ([1, 4], 2, 3, 1),
    ((3,), 2, 3, 1),
    ({2}, 2, 3, 0),
    (10, 0, 5, 0),
]


@pytest.mark.parametrize(("frequency", "first", "losses", "validated"), RECORDED)
def test_models_are_validated_after_these_epochs(frequency, first, losses, validated):
    arguments = {"epochs": 5, "initial_epoch": first, "validation_freq": frequency, "verbose": 0}
    fits = [
        model().fit(X, Y, validation_data=(X, Y), **arguments),
        model().fit_generator(batches(), 2, validation_data=(X, Y), **arguments),
        # Keras 2.3.1 repeats the last val_loss here, after epochs that are not validated.
        model().fit_generator(batches(), 2, validation_data=batches(), validation_steps=2, **arguments),
    ]
    for history in fits:
        assert len(history.history["loss"]) == losses
        assert len(history.history.get("val_loss", [])) == validated


@pytest.mark.parametrize("frequency", [0, -1, 1.5, None, "2"])
def test_other_frequencies_are_refused(frequency):
    with pytest.raises(InvalidArgumentError, match="validation_freq"):
        model().fit(X, Y, validation_data=(X, Y), validation_freq=frequency, verbose=0)
    with pytest.raises(InvalidArgumentError, match="validation_freq"):
        model().fit_generator(batches(), 2, validation_data=(X, Y), validation_freq=frequency, verbose=0)
