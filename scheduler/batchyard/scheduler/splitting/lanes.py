"""Which member of a crew owns which lanes."""

from __future__ import annotations

import itertools

__all__ = ["assign_lanes"]


def assign_lanes(members: int, lanes: int) -> list[tuple[int, int]]:
    """Give each member a contiguous share of the lanes; shares differ by at most one lane.

    Contiguous shares hold large aligned subtrees of the tree of lanes, so little has to be sent. With
    a power of two of members each share is one subtree.

    Args:
        members: Number of members, at most `lanes`.
        lanes: Number of lanes.

    Returns:
        For each member `(first lane, one past the last)`.

    Raises:
        ValueError: There are no members, or more than lanes.
    """
    if not 1 <= members <= lanes:
        raise ValueError(f"{lanes} lanes cannot be shared by {members} members: expected 1 to {lanes}")
    bounds = [i * lanes // members for i in range(members + 1)]
    return list(itertools.pairwise(bounds))
