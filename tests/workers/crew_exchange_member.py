"""A process that adds up lanes with others, for `test_crew_exchange.py`: rank and Redis's URL are arguments.

Prints, for each case, the SHA-256 of the sum.
"""

from __future__ import annotations

import hashlib
import json
import sys

import torch

from batchyard.scheduler.store import Store
from batchyard.workers.crew import Exchange, Group, MeetingPoint, Subtrees

#: (members, lanes, length, dtype, lanes without rows). A case's number is its generation.
CASES: list[tuple[int, int, int, torch.dtype, tuple[int, ...]]] = [
    *((w, 4, n, torch.float32, ()) for w in (1, 2, 3, 4) for n in (1, 1003)),
    *((w, 8, n, torch.float32, ()) for w in (1, 2, 3, 4, 5) for n in (17, 400_001)),
    (3, 8, 400_001, torch.float32, (5, 6, 7)),
    *((w, 8, 1_400_001, torch.float32, (5, 6, 7)) for w in (2, 5)),  # slices so large that each travels alone
    *((w, 8, 1003, torch.float64, ()) for w in (1, 3, 5)),
    *((w, 4, 1003, torch.float32, (1, 2, 3)) for w in (1, 2, 3, 4)),
    *((w, 8, 1003, torch.float32, (5, 6, 7)) for w in (1, 2, 5)),
]


def vector(lane: int, length: int, dtype: torch.dtype) -> torch.Tensor:
    """A lane's vector: numbers of all sizes, whose sum depends on the order, and signed zeros."""
    random = torch.Generator().manual_seed(lane)
    numbers = torch.randn(length, generator=random, dtype=dtype)
    numbers *= 10.0 ** torch.randint(-20, 20, (length,), generator=random).to(dtype)
    numbers[::5] = -0.0
    if lane == 1:
        numbers[1::7] = 1e-40  # subnormal
        numbers[2::11] = float("inf")
    return numbers


def main(redis_url: str, rank: int) -> None:
    torch.set_num_threads(1)
    store = Store.connect(redis_url)
    hashes: dict[int, str] = {}
    for generation, (size, lanes, length, dtype, empty) in enumerate(CASES):
        if rank >= size:
            continue
        meeting = MeetingPoint(store.rendezvous("sums", generation), lambda: None, 60.0)
        group = Group(rank, size, meeting, lambda: None, lambda reason: None, 60.0)
        group.connect("127.0.0.1", torch.device("cpu"))
        owners = [range(i * lanes // size, (i + 1) * lanes // size) for i in range(size)]
        exchange = Exchange(group, owners, lanes, length, dtype, torch.device("cpu"))
        subtrees = Subtrees(owners[rank], lanes)
        for lane in owners[rank]:
            subtrees.add(lane, None if lane in empty else vector(lane, length, dtype))
        first = exchange.sum(subtrees.sums).clone()
        second = exchange.sum(subtrees.sums)
        assert first.equal(second) or not bool(torch.isfinite(first).all())
        hashes[generation] = hashlib.sha256(second.numpy().tobytes()).hexdigest()
        group.drop()
    print(json.dumps(hashes))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
