"""Lanes: the logical shards of a global batch, and the one order in which their results are added.

A lane is always computed whole, by somebody. Its result is a flat vector; vectors are added along a fixed
binary tree over the lanes, so the sum has the same bits whoever computed which lanes. One rule for lanes
without rows: they are absent, and a node with one absent child is its other child.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from batchyard.models.errors import InvalidArgumentError

__all__ = [
    "FLAG_STOP",
    "FLAG_STOP_AT",
    "LOSS_AT",
    "ROWS_AT",
    "Block",
    "LaneResult",
    "LaneSpec",
    "aligned_blocks",
    "check_lanes",
    "finish_tree",
    "flatten",
    "lane_rows",
    "subtree_sums",
    "tree_sum",
    "unflatten",
]

#: Where things stand in `LaneResult.sums`.
ROWS_AT, FLAG_STOP_AT, LOSS_AT = 0, 1, 2

#: What a lane whose process wishes to stop puts at `FLAG_STOP_AT`.
FLAG_STOP = 1.0


@dataclass
class LaneResult:
    """What one lane of one step, or the sum over some lanes, contributes.

    Attributes:
        grads: one tensor per trainable weight captured at compile; d(this lane's share of the batch's
            loss)/dw, zeros where the loss does not depend on the weight.
        updates: batch values for moving averages, already multiplied by the lane's rows / the batch's rows,
            in the fixed order of `training.step.TrainStep`; then the states of stateful layers for the whole
            batch, -0.0 in the rows of other lanes.
        sums: one-dimensional `[rows, flag_stop, loss sum, metric sums …]`: the lane's shares, multiplied by
            rows, so that summed over lanes (and steps) and divided by the summed rows they are the means.
    """

    grads: list[Tensor]
    updates: list[Tensor]
    sums: Tensor

    def tensors(self) -> list[Tensor]:
        """Returns all tensors in the order in which `flatten` lays them out."""
        return [*self.grads, *self.updates, self.sums]


@dataclass(frozen=True)
class LaneSpec:
    """The shapes that `unflatten` needs: equal for all lanes of a step.

    Attributes:
        grads: shapes of the gradients.
        updates: shapes of the moving-average batch values.
        sums: length of `sums`.
        dtypes: one dtype per tensor, in `flatten`'s order.
    """

    grads: tuple[torch.Size, ...]
    updates: tuple[torch.Size, ...]
    sums: int
    dtypes: tuple[torch.dtype, ...]

    @classmethod
    def of(cls, result: LaneResult) -> LaneSpec:
        """Reads the shapes off a result."""
        return cls(
            tuple(g.shape for g in result.grads),
            tuple(u.shape for u in result.updates),
            result.sums.numel(),
            tuple(t.dtype for t in result.tensors()),
        )

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the flat vector: the widest of all."""
        return _widest(self.dtypes)

    @property
    def length(self) -> int:
        """The number of elements of the flat vector."""
        return sum(s.numel() for s in self.grads) + sum(s.numel() for s in self.updates) + self.sums


@dataclass(frozen=True, order=True)
class Block:
    """An aligned subtree: lanes `first … first + size - 1`, size a power of two, first a multiple of size."""

    first: int
    size: int

    def __post_init__(self) -> None:
        """Refuses blocks that are no subtree."""
        if self.size < 1 or self.size & (self.size - 1) or self.first < 0 or self.first % self.size:
            raise InvalidArgumentError(
                f"Block(first={self.first}, size={self.size}) is no aligned subtree: expected a size that is "
                "a power of two and a first lane that is a multiple of it."
            )


def check_lanes(lanes: int) -> int:
    """Returns `lanes` if it is a power of two.

    Raises:
        InvalidArgumentError: if it is not a power of two.
    """
    if isinstance(lanes, bool) or not isinstance(lanes, int) or lanes < 1 or lanes & (lanes - 1):
        raise InvalidArgumentError(
            f"lanes must be a power of two (1, 2, 4, 8, …). Received: lanes={lanes!r}."
        )
    return lanes


def lane_rows(n: int, lanes: int, lane: int) -> slice:
    """Returns the rows of a batch of `n` that belong to `lane`.

    Lanes are contiguous; their sizes differ by at most one, larger ones first, so lane 0 is never empty.
    """
    size, larger = divmod(n, lanes)
    start = lane * size + min(lane, larger)
    return slice(start, start + size + (lane < larger))


def flatten(result: LaneResult) -> Tensor:
    """Copies a result into one new vector: gradients, updates, sums."""
    tensors = result.tensors()
    dtype = _widest([t.dtype for t in tensors])
    flat = torch.empty(sum(t.numel() for t in tensors), dtype=dtype, device=result.sums.device)
    at = 0
    for tensor in tensors:
        count = tensor.numel()
        flat[at : at + count].view(tensor.shape).copy_(tensor)
        at += count
    return flat


def unflatten(vector: Tensor, like: LaneResult | LaneSpec) -> LaneResult:
    """Undoes `flatten`. The tensors are views into `vector` where the dtype allows it."""
    spec = LaneSpec.of(like) if isinstance(like, LaneResult) else like
    shapes = [*spec.grads, *spec.updates, torch.Size([spec.sums])]
    pieces = torch.split(vector, [s.numel() for s in shapes])
    tensors = [p.view(s).to(d) for p, s, d in zip(pieces, shapes, spec.dtypes, strict=True)]
    cut = len(spec.grads)
    return LaneResult(tensors[:cut], tensors[cut:-1], tensors[-1])


def aligned_blocks(owned: range, lanes: int) -> list[Block]:
    """Returns the maximal aligned subtrees that make up the contiguous lanes `owned`, in lane order."""
    blocks = []
    first = owned.start
    while first < owned.stop:
        size = 1
        while first % (2 * size) == 0 and first + 2 * size <= owned.stop and 2 * size <= lanes:
            size *= 2
        blocks.append(Block(first, size))
        first += size
    return blocks


def tree_sum(parts: Mapping[int, Tensor], lanes: int) -> Tensor:
    """Adds the vectors of the lanes along the fixed tree.

    Args:
        parts: vector per lane; empty lanes are missing. The vectors are left untouched.
        lanes: number of all lanes.

    Raises:
        InvalidArgumentError: if no lane has a vector.
    """
    return _root(_node(lambda block: parts.get(block.first) if block.size == 1 else None, Block(0, lanes)))


def subtree_sums(parts: Mapping[int, Tensor], owned: range, lanes: int) -> dict[Block, Tensor]:
    """Adds what one process computed as far as the tree allows.

    Args:
        parts: vector per owned lane; empty lanes are missing.
        owned: the contiguous lanes of this process.
        lanes: number of all lanes.

    Returns:
        The sum of each maximal aligned subtree of `owned` that is not wholly empty.
    """
    sums = {}
    for block in aligned_blocks(owned, lanes):
        total = _node(lambda b: parts.get(b.first) if b.size == 1 else None, block)
        if total is not None:
            sums[block] = total
    return sums


def finish_tree(blocks: Mapping[Block, Tensor], lanes: int, out: Tensor | None = None) -> Tensor:
    """Adds subtrees of all processes up to the root; the bits equal `tree_sum`'s for every aligned partition.

    Args:
        blocks: sums of subtrees that do not overlap; wholly empty ones are missing.
        lanes: number of all lanes.
        out: takes the sum; a new tensor by default, or the one block that has everything.

    Raises:
        InvalidArgumentError: if blocks overlap or reach beyond the lanes, or if there are none.
    """
    seen = 0

    def lookup(block: Block) -> Tensor | None:
        nonlocal seen
        found = blocks.get(block)
        seen += found is not None
        return found

    total = _node(lookup, Block(0, lanes), out)
    if seen != len(blocks):
        raise InvalidArgumentError(f"Blocks overlap or lie beyond {lanes} lanes: {sorted(blocks)}.")
    total = _root(total)
    return total if out is None or total is out else out.copy_(total)


def _node(lookup: Callable[[Block], Tensor | None], block: Block, out: Tensor | None = None) -> Tensor | None:
    """The sum of one subtree, or None where it is empty."""
    found = lookup(block)
    if found is not None or block.size == 1:
        return found
    half = block.size // 2
    left = _node(lookup, Block(block.first, half))
    right = _node(lookup, Block(block.first + half, half))
    if left is None:
        return right
    return left if right is None else torch.add(left, right, out=out)


def _root(total: Tensor | None) -> Tensor:
    if total is None:
        raise InvalidArgumentError(
            "No lane has a result: a batch has at least one row, and lane 0 is never empty."
        )
    return total


def _widest(dtypes: Sequence[torch.dtype]) -> torch.dtype:
    widest = dtypes[0]
    for dtype in dtypes[1:]:
        widest = torch.promote_types(widest, dtype)
    return widest
