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

#: Vectors up to so many bytes are not cut: everyone gets them whole and finishes the tree, so that nothing
#: has to be sent back. One collective instead of two counts more than the bytes.
SMALL_VECTOR = 1 << 17

#: Slices from this many bytes on travel by a collective each, straight from where they lie. Smaller ones are
#: packed together, since there the number of collectives counts.
LARGE_SLICE = 1 << 20

#: So many elements are added up at once: what is added on the way to the root stays in the processor's cache.
PORTION = 1 << 17


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
    in a ring all-reduce. Small vectors are one slice, which everyone finishes.

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
        step = -(-length // (size * ALIGNMENT)) * ALIGNMENT
        #: Which part of a vector each member finishes.
        self._slices = [slice(min(r * step, length), min((r + 1) * step, length)) for r in range(size)]
        self._uncut = length * self._element_size(dtype) <= SMALL_VECTOR
        if self._uncut:
            self._slices = [slice(0, length)] * size
        self._blocks: list[list[Block]] = [aligned_blocks(owned, lanes) for owned in owners]
        if size == 1:
            return

        def new(elements: int) -> Tensor:
            return torch.zeros(elements, dtype=dtype, device=device)

        self._large = step * self._element_size(dtype) >= LARGE_SLICE
        self._nothing = new(max(step, self._size(rank))).fill_(-0.0)
        self._total = new(length)
        mine = self._size(rank)
        #: Per member its blocks' sums of this member's slice, one after the other.
        self._received = new(sum(len(b) for r, b in enumerate(self._blocks) if r != rank) * mine)

    def sum(self, mine: Mapping[Block, Tensor]) -> Tensor:
        """Return the sum over all lanes; it is overwritten by the next call.

        Args:
            mine: the sums of this member's maximal aligned subtrees; wholly empty ones are missing.

        Raises:
            CrewChanged: A member was lost.
        """
        if self._group.size == 1:
            return finish_tree(mine, self._lanes)
        self._group.finish(self._scatter(mine))
        finished = self._total[self._slices[self._group.rank]]
        arrived = self._arrived(mine)
        for start in range(0, len(finished), PORTION):
            part = slice(start, start + PORTION)
            finish_tree({block: sums[part] for block, sums in arrived.items()}, self._lanes, finished[part])
        if not self._uncut:
            self._group.finish(self._gather(finished))
        return self._total

    @staticmethod
    def _element_size(dtype: torch.dtype) -> int:
        return torch.empty(0, dtype=dtype).element_size()

    def _size(self, rank: int) -> int:
        """The elements of a member's slice."""
        part = self._slices[rank]
        return part.stop - part.start

    def _piece(self, mine: Mapping[Block, Tensor], place: int, rank: int) -> Tensor:
        """One of this member's subtrees, cut to the slice of a member."""
        vector = mine.get(self._blocks[self._group.rank][place])
        return self._nothing[: self._size(rank)] if vector is None else vector[self._slices[rank]]

    def _scatter(self, mine: Mapping[Block, Tensor]) -> list[Work]:
        """Launch the sending of every member's slice of this member's subtrees."""
        group, blocks = self._group, self._blocks
        if not self._large:
            others = [r for r in range(group.size) if r != group.rank]
            count = len(blocks[group.rank])
            packed = torch.cat([self._piece(mine, k, r) for r in others for k in range(count)])
            sent = [0 if r == group.rank else count * self._size(r) for r in range(group.size)]
            received = [
                0 if r == group.rank else len(b) * self._size(group.rank) for r, b in enumerate(blocks)
            ]
            return [group.exchange(self._received, packed, received, sent)]
        works = []
        for target, source in self._rounds():
            for place in range(max(len(b) for b in blocks)):  # as many collectives on every member
                piece = self._piece(mine, place, target) if place < len(blocks[group.rank]) else None
                room = self._room(source, place) if place < len(blocks[source]) else None
                works.append(self._one_way(target, piece, source, room))
        return works

    def _room(self, rank: int, place: int) -> Tensor:
        """Where one of another member's subtrees is put."""
        before = sum(len(b) for r, b in enumerate(self._blocks[:rank]) if r != self._group.rank)
        size = self._size(self._group.rank)
        return self._received[(before + place) * size : (before + place + 1) * size]

    def _arrived(self, mine: Mapping[Block, Tensor]) -> dict[Block, Tensor]:
        """Return all subtrees' sums of this member's slice."""
        me = self._group.rank
        return {
            block: self._piece(mine, place, me) if rank == me else self._room(rank, place)
            for rank, blocks in enumerate(self._blocks)
            for place, block in enumerate(blocks)
        }

    def _gather(self, finished: Tensor) -> list[Work]:
        """Launch the sending of the finished slice to all, and the taking of theirs."""
        group = self._group
        if not self._large:
            sent = [len(finished)] * group.size
            received = [self._size(r) for r in range(group.size)]
            return [group.exchange(self._total, finished.repeat(group.size), received, sent)]
        return [
            self._one_way(target, finished, source, self._total[self._slices[source]])
            for target, source in self._rounds()
        ]

    def _rounds(self) -> list[tuple[int, int]]:
        """Return the pairs (whom to send to, whom to take from) of rounds that bring all to all."""
        size, rank = self._group.size, self._group.rank
        return [((rank + distance) % size, (rank - distance) % size) for distance in range(1, size)]

    def _one_way(self, target: int, piece: Tensor | None, source: int, room: Tensor | None) -> Work:
        """Launch sending a piece to one member and taking one from another."""
        ranks = range(self._group.size)
        nothing = self._nothing[:0]
        piece, room = nothing if piece is None else piece, nothing if room is None else room
        sent = [len(piece) if r == target else 0 for r in ranks]
        received = [len(room) if r == source else 0 for r in ranks]
        return self._group.exchange(room, piece, received, sent)
