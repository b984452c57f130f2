"""The fixed tree: whoever computes which lanes, the sum has the same bits."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.training import (
    Block,
    LaneResult,
    LaneSpec,
    aligned_blocks,
    finish_tree,
    flatten,
    lane_rows,
    subtree_sums,
    tree_sum,
    unflatten,
)
from batchyard.models.training.lanes import check_lanes

powers = st.sampled_from([1, 2, 4, 8, 16])


def vectors(lanes, empty, seed):
    random = np.random.RandomState(seed)
    scale = random.uniform(-12, 12, (lanes, 5))
    numbers = (random.uniform(-1, 1, (lanes, 5)) * 10**scale).astype("float32")
    return {lane: torch.from_numpy(numbers[lane]) for lane in range(lanes - empty)}


def same_bits(one, other):
    return one.numpy().tobytes() == other.numpy().tobytes()


@given(powers, st.data())
def test_any_partition_among_members_gives_the_bits_of_the_whole_tree(lanes, data):
    parts = vectors(lanes, data.draw(st.integers(0, lanes - 1)), data.draw(st.integers(0, 999)))
    cuts = sorted(data.draw(st.sets(st.integers(1, lanes))) | {0, lanes})
    blocks = {}
    for start, stop in pairwise(cuts):
        own = {lane: parts[lane] for lane in range(start, stop) if lane in parts}
        blocks.update(subtree_sums(own, range(start, stop), lanes))
    assert same_bits(finish_tree(blocks, lanes), tree_sum(parts, lanes))


@given(powers, st.data())
def test_adding_slices_apart_gives_the_bits_of_adding_whole_vectors(lanes, data):
    parts = vectors(lanes, 0, data.draw(st.integers(0, 999)))
    cut = data.draw(st.integers(0, 5))
    halves = [tree_sum({k: v[s] for k, v in parts.items()}, lanes) for s in (slice(cut), slice(cut, None))]
    assert same_bits(torch.cat(halves), tree_sum(parts, lanes))


@given(powers, st.data())
def test_blocks_of_a_range_are_aligned_and_cover_it_once(lanes, data):
    start = data.draw(st.integers(0, lanes))
    owned = range(start, data.draw(st.integers(start, lanes)))
    covered = [
        lane
        for block in aligned_blocks(owned, lanes)
        for lane in range(block.first, block.first + block.size)
    ]
    assert covered == list(owned)


@given(st.integers(1, 200), powers)
def test_lanes_cut_a_batch_into_contiguous_even_parts(rows, lanes):
    cuts = [lane_rows(rows, lanes, lane) for lane in range(lanes)]
    sizes = [cut.stop - cut.start for cut in cuts]
    assert [cut.start for cut in cuts[1:]] == [cut.stop for cut in cuts[:-1]]
    assert (cuts[0].start, cuts[-1].stop) == (0, rows)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] - sizes[-1] <= 1
    assert sizes[0] > 0


@given(st.lists(st.sampled_from([(), (1,), (3,), (2, 3)]), max_size=4), st.booleans())
@settings(max_examples=30)
def test_a_flattened_result_comes_back_bit_for_bit(shapes, double):
    grads = [torch.randn(shape, dtype=torch.float64 if double else torch.float32) for shape in shapes]
    result = LaneResult(grads, [torch.randn(4)], torch.tensor([3.0, 0.0, 1.5]))
    spec = LaneSpec.of(result)
    flat = flatten(result)
    assert flat.numel() == spec.length
    assert flat.dtype == spec.dtype
    back = unflatten(flat, spec)
    for one, other in zip(back.tensors(), result.tensors(), strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


def test_an_empty_lane_adds_nothing_not_even_a_zero():
    minus_zero = torch.tensor([-0.0])
    assert str(tree_sum({0: minus_zero}, 4).item()) == "-0.0"


def test_sums_leave_the_lanes_untouched():
    parts = vectors(4, 0, 0)
    before = {lane: vector.clone() for lane, vector in parts.items()}
    tree_sum(parts, 4)
    assert all(torch.equal(parts[lane], before[lane]) for lane in parts)


@pytest.mark.parametrize("lanes", [0, 3, -4, 6, True, 2.0])
def test_a_number_of_lanes_that_is_no_power_of_two_is_refused(lanes):
    with pytest.raises(InvalidArgumentError, match=r"power of two .* Received: lanes="):
        check_lanes(lanes)


@pytest.mark.parametrize(("first", "size"), [(1, 2), (0, 3), (-1, 1), (2, 4)])
def test_a_block_that_is_no_subtree_is_refused(first, size):
    with pytest.raises(InvalidArgumentError, match="no aligned subtree"):
        Block(first, size)


def test_overlapping_blocks_are_refused():
    one = torch.ones(1)
    with pytest.raises(InvalidArgumentError, match="overlap"):
        finish_tree({Block(0, 2): one, Block(1, 1): one}, 2)


def test_a_batch_without_any_lane_is_refused():
    with pytest.raises(InvalidArgumentError, match="No lane has a result"):
        tree_sum({}, 2)
