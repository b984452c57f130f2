"""Whether a wrapper is trainable, and what it wraps: read off Keras 2.2.4 in each of these situations."""

import pytest

from batchyard.models import Sequential
from batchyard.models.layers import LSTM, Bidirectional, Dense, TimeDistributed


def state(wrapper):
    within = [wrapper.layer] if isinstance(wrapper, TimeDistributed) else [wrapper.forward_layer]
    return wrapper.trainable, within[0].trainable, len(wrapper.trainable_weights)


@pytest.mark.parametrize(
    ("make", "made", "thawed"),
    [
        (lambda: TimeDistributed(Dense(2, trainable=False)), (True, True, 2), (True, True, 2)),
        (lambda: TimeDistributed(Dense(2), trainable=False), (False, False, 0), (True, True, 2)),
        (lambda: Bidirectional(LSTM(2, trainable=False)), (True, True, 6), (True, True, 6)),
        (lambda: Bidirectional(LSTM(2), trainable=False), (False, False, 0), (True, True, 6)),
    ],
)
def test_a_wrapper_says_what_is_trainable_within(make, made, thawed):
    wrapper = make()
    Sequential([wrapper]).build((None, 3, 4))
    assert state(wrapper) == made
    wrapper.trainable = False
    assert state(wrapper) == (False, False, 0)
    wrapper.trainable = True
    assert state(wrapper) == thawed


def test_what_is_frozen_within_a_wrapper_is_told_by_it_and_its_configuration():
    wrapper = TimeDistributed(Dense(2))
    wrapper.layer.trainable = False
    assert not wrapper.trainable
    config = wrapper.get_config()
    assert (config["trainable"], config["layer"]["config"]["trainable"]) == (False, False)
    again = TimeDistributed.from_config(config)
    assert (again.trainable, again.layer.trainable) == (False, False)
