"""Random numbers follow from the place in the job alone."""

import threading

import torch
from hypothesis import given
from hypothesis import strategies as st

from batchyard.models.training import current_generator, derive_seed, lane_scope
from batchyard.models.training.randomness import random_bits16

numbers = st.integers(0, 2**62)


def drawn(place, count=8):
    with lane_scope(*place):
        return torch.rand(count, generator=current_generator()).tolist()


@given(st.tuples(numbers, numbers, numbers, numbers), st.tuples(numbers, numbers, numbers, numbers))
def test_seeds_are_63_bits_and_differ_between_places(one, other):
    assert 0 <= derive_seed(*one) < 2**63
    assert (derive_seed(*one) == derive_seed(*other)) == (one == other)


def test_seeds_stay_what_they_are():
    assert derive_seed(1, 2, 3, 4) == derive_seed(1, 2, 3, 4)
    assert derive_seed(7, 0, 0, 0) == 2928032148556067829


def test_a_lane_draws_the_same_whatever_was_drawn_before():
    first = drawn((1, 0, 0, 3))
    torch.rand(5)
    drawn((1, 0, 0, 2))
    assert drawn((1, 0, 0, 3)) == first


def test_layers_of_a_lane_draw_one_after_the_other():
    with lane_scope(1, 0, 0, 0):
        parts = [torch.rand(4, generator=current_generator()).tolist() for _ in range(2)]
    assert parts[0] + parts[1] == drawn((1, 0, 0, 0))
    assert parts[0] != parts[1]


def test_outside_of_lanes_torchs_own_generator_draws():
    assert current_generator() is torch.default_generator


def test_lanes_in_other_threads_are_apart():
    expected, seen = drawn((1, 0, 0, 0)), []
    with lane_scope(2, 0, 0, 0):
        thread = threading.Thread(target=lambda: seen.extend(drawn((1, 0, 0, 0))))
        thread.start()
        thread.join()
    assert seen == expected


def test_random_bits_are_uniform():
    with lane_scope(0, 0, 0, 0):
        bits = random_bits16((300, 333), torch.device("cpu")).float()
    assert bits.shape == (300, 333)
    assert abs(float(bits.mean()) + 0.5) < 300
    assert abs(float(bits.std()) / (65536 / 12**0.5) - 1) < 0.01
