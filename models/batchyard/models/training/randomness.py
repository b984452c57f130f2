"""Randomness that belongs to a place in the job, never to a process: (seed, epoch, step, lane).

Random layers draw from `current_generator`. Inside `lane_scope` that is a generator seeded by the lane's
place, so whoever computes the lane draws the same numbers; outside it is torch's global generator.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Generator, Tensor

__all__ = [
    "current_generator",
    "derive_seed",
    "draw_seed",
    "global_generators",
    "lane_scope",
    "random_bits16",
]

#: Names what the numbers are for, so that another use of the same tuple draws others.
_PERSON = b"batchyard.lane"


class _Lane:
    """The lane now being computed, and its generators: one per device, made when first asked for."""

    __slots__ = ("generators", "place")

    def __init__(self, *place: int) -> None:
        self.place = place
        self.generators: dict[torch.device, Generator] = {}

    @property
    def seed(self) -> int:
        """Derived only where something is drawn."""
        return derive_seed(*self.place)


#: Held by the thread that uses the global generators, of which there is one a process.
_GLOBAL = threading.RLock()

_current: ContextVar[_Lane | None] = ContextVar("lane", default=None)


def derive_seed(seed: int, epoch: int, step: int, lane: int) -> int:
    """Returns 63 bits that depend on the place alone: blake2b of the four numbers."""
    text = f"{seed},{epoch},{step},{lane}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, person=_PERSON).digest(), "little") >> 1


def draw_seed() -> int:
    """Draws a job's seed from torch's global generator, so that `torch.manual_seed` fixes a whole `fit`."""
    return int(torch.randint(0, 2**63 - 1, (1,)).item())


class lane_scope:
    """Makes `current_generator` give the generator of this lane, from its start, in a `with` block.

    Args:
        seed: the job's.
        epoch: of the step.
        step: within the epoch.
        lane: of the step.
    """

    __slots__ = ("_lane", "_token")

    def __init__(self, seed: int, epoch: int, step: int, lane: int) -> None:
        self._lane = _Lane(seed, epoch, step, lane)

    def __enter__(self) -> None:
        self._token = _current.set(self._lane)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def current_generator(device: torch.device | str = "cpu") -> Generator | None:
    """Returns the generator from which random layers on `device` draw now.

    None, which means torch's global one, while torch's compiler traces: `Computation` seeds that.
    """
    if torch.compiler.is_compiling():
        return None
    device = torch.device(device)
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", torch.cuda.current_device())
    lane = _current.get()
    if device.type == "meta":  # a trial that finds shapes: nothing is drawn
        return torch.default_generator
    if lane is None:
        if device.type == "cuda":
            return torch.cuda.default_generators[device.index]
        return torch.default_generator
    generator = lane.generators.get(device)
    if generator is None:
        generator = lane.generators[device] = Generator(device=device).manual_seed(lane.seed)
    return generator


@contextmanager
def global_generators(device: torch.device) -> Iterator[None]:
    """Seeds torch's global generators for this lane, for modules that draw from those, and puts them back.

    Outside of `lane_scope` it does nothing.

    Args:
        device: whose generator is seeded besides the CPU's.
    """
    if _current.get() is None:
        yield
        return
    seed = int(torch.randint(2**63 - 1, (), generator=current_generator()))
    index = torch.cuda.current_device() if device.type == "cuda" and device.index is None else device.index
    devices = [index or 0] if device.type == "cuda" else []
    with _GLOBAL, torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        for number in devices:
            torch.cuda.default_generators[number].manual_seed(seed)
        yield


def random_bits16(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Draws uniform int16 numbers, four from each 64 random bits.

    On a CPU that is 4 to 8 times as fast as `bernoulli_`.
    """
    count = 1
    for size in shape:
        count *= size
    if torch.compiler.is_compiling():  # the compiler makes numbers of its own, from the global generators
        return torch.randint(-(2**15), 2**15, shape, dtype=torch.int16, device=device)
    bits = torch.empty((count + 3) // 4, dtype=torch.int64, device=device)
    bits.random_(-(2**63), None, generator=current_generator(device))
    return bits.view(torch.int16)[:count].view(shape)
