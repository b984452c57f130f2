"""Adding up the lanes of all members, along the one tree, so that nobody can tell who computed what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.distributed import Work

from batchyard.models.training.lanes import Block, aligned_blocks, finish_tree
from batchyard.workers.crew.group import Group

__all__ = ["Exchange", "Subtrees"]

#: Slices begin at multiples of this many elements, so that kernels find them aligned.
ALIGNMENT = 16

#: Slices from this many bytes on are gathered by separate collectives, which need no copy.
LARGE_SLICE = 1 << 18


class Subtrees:
    """Adds a member's lanes up to maximal aligned subtrees as they come, holding few vectors at a time.

    Args:
        owned: the lanes of this member; they have to be added in order.
        lanes: number of all lanes.
    """

    def __init__(self, owned: range, lanes: int) -> None:
        self._whole = set(aligned_blocks(owned, lanes))
        self._sums: dict[Block, Tensor | None] = {}

    def add(self, lane: int, vector: Tensor | None) -> None:
        """Add a lane's vector, which may be overwritten; None for an empty lane."""
        block = Block(lane, 1)
        while block not in self._whole and block.first % (2 * block.size):
            left = self._sums.pop(Block(block.first - block.size, block.size))
            if left is not None:
                vector = left if vector is None else left.add_(vector)
            block = Block(block.first - block.size, 2 * block.size)
        self._sums[block] = vector

    @property
    def sums(self) -> dict[Block, Tensor]:
        """The subtrees that are not wholly empty, once all lanes were added."""
        return {block: vector for block, vector in self._sums.items() if vector is not None}


class Exchange:
    """The sum over all lanes of equally long vectors, with the same bits on every member.

    Each member adds its lanes up to maximal aligned subtrees. The vector is cut into one slice per member;
    an all-to-all brings everyone the subtrees' sums of its slice, with which it finishes the tree; then
    everyone sends its finished slice to all. When subtrees align, each member sends and receives as much as
    in a ring all-reduce.

    A subtree without rows is sent as negative zeros: `x + -0.0` is `x`, bit for bit, also for `x = -0.0`. So
    nobody needs to be told which lanes were empty.

    Args:
        group: the members.
        owners: the lanes of each member, in the order of ranks.
        lanes: number of all lanes.
        length: elements of a vector.
        dtype: of the vectors.
        device: of the vectors.
    """

    def __init__(
        self,
        group: Group,
        owners: Sequence[range],
        lanes: int,
        length: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._group = group
        self._lanes = lanes
        self.length = length
        size, rank = group.size, group.rank
        self._slice = -(-length // (size * ALIGNMENT)) * ALIGNMENT
        self._blocks: list[list[Block]] = [aligned_blocks(owned, lanes) for owned in owners]
        if size == 1:
            return

        def new(elements: int) -> Tensor:
            return torch.zeros(elements, dtype=dtype, device=device)

        # What is sent, per receiver: the slice of each own block. The own part stays here.
        self._sent = new((size - 1) * len(self._blocks[rank]) * self._slice)
        self._received = new(sum(len(b) for r, b in enumerate(self._blocks) if r != rank) * self._slice)
        self._total = new(size * self._slice)
        self._own = new(len(self._blocks[rank]) * self._slice).view(-1, self._slice)

    def sum(self, mine: Mapping[Block, Tensor]) -> Tensor:
        """Return the sum over all lanes; it is overwritten by the next call.

        Args:
            mine: the sums of this member's maximal aligned subtrees; wholly empty ones are missing.

        Raises:
            CrewChanged: A member was lost.
        """
        if self._group.size == 1:
            return finish_tree(mine, self._lanes)
        self._lay_out(mine)
        group, rank = self._group, self._group.rank
        count = len(self._blocks[rank])
        sent = [0 if r == rank else count * self._slice for r in range(group.size)]
        received = [0 if r == rank else len(b) * self._slice for r, b in enumerate(self._blocks)]
        group.finish([group.exchange(self._received, self._sent, received, sent)])
        finished = finish_tree(self._slices(), self._lanes)
        group.finish(self._gather(finished))
        return self._total[: self.length]

    def _lay_out(self, mine: Mapping[Block, Tensor]) -> None:
        """Copy each block's slices to where they are sent from."""
        group, size = self._group, self._slice
        others = [r for r in range(group.size) if r != group.rank]
        sent = self._sent.view(len(others), -1, size)
        for place, block in enumerate(self._blocks[group.rank]):
            vector = mine.get(block)
            if vector is None:
                sent[:, place].fill_(-0.0)
                self._own[place].fill_(-0.0)
                continue
            for target, rank in [
                *((sent[i, place], r) for i, r in enumerate(others)),
                (self._own[place], group.rank),
            ]:
                piece = vector[rank * size : (rank + 1) * size]  # the last ones can be short, or empty
                target[: len(piece)].copy_(piece)

    def _slices(self) -> dict[Block, Tensor]:
        """Return all blocks' sums of this member's slice."""
        slices: dict[Block, Tensor] = {}
        at = 0
        for rank, blocks in enumerate(self._blocks):
            for place, block in enumerate(blocks):
                if rank == self._group.rank:
                    slices[block] = self._own[place]
                else:
                    slices[block] = self._received[at : at + self._slice]
                    at += self._slice
        return slices

    def _gather(self, finished: Tensor) -> list[Work]:
        """Launch the sending of the finished slice to all, and the taking of theirs."""
        group, size = self._group, self._slice
        total = self._total.view(group.size, size)
        total[group.rank].copy_(finished)
        if size * finished.element_size() < LARGE_SLICE:
            copies = total[group.rank].repeat(group.size)
            sizes = [size] * group.size
            return [group.exchange(self._total, copies, sizes, sizes)]
        works = []
        for distance in range(1, group.size):
            target, source = (group.rank + distance) % group.size, (group.rank - distance) % group.size
            sent = [size if r == target else 0 for r in range(group.size)]
            received = [size if r == source else 0 for r in range(group.size)]
            works.append(group.exchange(total[source], finished, received, sent))
        return works
