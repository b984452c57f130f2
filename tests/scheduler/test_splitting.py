from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchyard.scheduler.splitting import assign_lanes, range_length


@given(st.integers(0, 8).flatmap(lambda k: st.tuples(st.just(2**k), st.integers(1, 2**k))))
def test_every_lane_has_one_owner_and_shares_differ_by_at_most_one(case: tuple[int, int]) -> None:
    lanes, members = case
    shares = assign_lanes(members, lanes)
    assert [lane for first, stop in shares for lane in range(first, stop)] == list(range(lanes))
    sizes = {stop - first for first, stop in shares}
    assert max(sizes) - min(sizes) <= 1


def test_more_members_than_lanes_are_refused() -> None:
    with pytest.raises(ValueError, match="4 lanes cannot be shared by 5 members"):
        assign_lanes(5, 4)


@given(
    st.integers(1, 100_000),
    st.floats(0, 1e6, allow_nan=False),
    st.integers(0, 100),
)
def test_a_range_is_never_empty_and_never_longer_than_what_is_left(
    left: int, seconds: float, workers: int
) -> None:
    assert 1 <= range_length(left, seconds, workers) <= left


def test_a_range_lasts_about_two_seconds() -> None:
    assert range_length(10_000, 0.01, 2) == 200


def test_towards_the_end_ranges_get_shorter() -> None:
    assert range_length(8, 0.01, 4) == 1
