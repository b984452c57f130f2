"""One generation's connections between its members: bytes are moved here, never added."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor
from torch._C._distributed_c10d import BroadcastOptions, PrefixStore, ProcessGroupGloo, Work

from batchyard.workers.crew.interruption import CrewChanged
from batchyard.workers.crew.rendezvous import MeetingPoint

__all__ = ["Group"]

#: Seconds that members which are all there may take to connect to each other.
CONNECTING = 10.0

#: Threads of gloo: so many collectives run at once.
GLOO_THREADS = 2

#: Seconds that the process's end waits for groups that are being closed.
FAREWELL = 2.0

#: While a collective of gloo runs, `check` is asked this often; its end is noticed at once.
BLINK = timedelta(milliseconds=20)

#: Pauses between looks at what cannot be waited for with a limit: at first, and at most (seconds).
FIRST_PAUSE, LONGEST_PAUSE = 20e-6, 200e-6


class Group:
    """The members of one generation as far as they can reach each other.

    A collective that a peer does not take part in neither fails nor ends by itself, so none is ever waited
    for blindly: it is launched, and its end looked for beside `check`. Whoever leaves drops the whole group;
    a new generation has a new one. (Gloo's `send` and `recv` cannot be looked at like that, their
    `is_completed` stays false until somebody blocks in `wait`; all-to-all with sizes of zero can.)

    Args:
        rank: this member.
        size: number of members.
        meeting: where they meet and put up notices.
        check: raises when the generation is over.
        broken: told the reason when a collective fails.
        patience: seconds that a peer may be silent in a collective.
    """

    def __init__(
        self,
        rank: int,
        size: int,
        meeting: MeetingPoint,
        check: Callable[[], None],
        broken: Callable[[str], None],
        patience: float,
    ) -> None:
        self.rank = rank
        self.size = size
        self.meeting = meeting
        self.check = check
        self._broken = broken
        self._patience = timedelta(seconds=patience)
        #: Moves bytes between CPUs; None when there is only one member.
        self._gloo: Any = None
        #: Moves a step's tensors: gloo, or NCCL between GPUs.
        self._data: Any = None

    def connect(self, address: str, device: torch.device) -> None:
        """Meet the other members and connect to each of them.

        Args:
            address: where the others reach this process.
            device: where the tensors of a step lie.

        Raises:
            CrewChanged: A member is missing, or cannot be reached.
        """
        if self.size == 1:
            return
        try:
            self.meeting.gather(self.rank, self.size)
        except CrewChanged as missing:
            self._broken(str(missing))
            raise
        found: list[Any] = []
        ended = threading.Event()

        # In a thread, since a socket that connects to a dead peer cannot be interrupted.
        def form() -> None:
            try:
                found.append(_gloo(self.meeting, self.rank, self.size, address))
                if device.type == "cuda":
                    found.append(_nccl(self.meeting, self.rank, self.size, self._patience))
            except (RuntimeError, CrewChanged) as error:
                found.append(error)
            ended.set()

        _in_the_background(form, "crew-connect")
        while not ended.wait(LONGEST_PAUSE):
            self.check()
        self.check()
        failure = next((one for one in found if isinstance(one, Exception)), None)
        if failure is not None:
            reason = f"the members could not connect: {_line(failure)}"
            self._broken(reason)
            raise CrewChanged(reason) from failure
        self._gloo, self._data = found[0], found[-1]

    def drop(self) -> None:
        """Leave: close the connections, without waiting for collectives that will never end."""
        groups = [self._gloo, self._data]
        self._gloo = self._data = None
        # In a thread, since the destructor waits for pending collectives to time out.
        _in_the_background(groups.clear, "crew-drop")

    def exchange(
        self, received: Tensor, sent: Tensor, received_sizes: Sequence[int], sent_sizes: Sequence[int]
    ) -> Work:
        """Launch an all-to-all of consecutive pieces of contiguous vectors; `finish` waits for its end.

        Args:
            received: takes the pieces of all members, in their order.
            sent: the pieces for all members, in their order.
            received_sizes: elements from each member.
            sent_sizes: elements for each member.
        """
        group = self._gloo if sent.device.type == "cpu" else self._data
        work: Work = self._attempt(
            lambda: group.alltoall_base(
                received, sent, list(received_sizes), list(sent_sizes), timeout=self._patience
            )
        )
        return work

    def finish(self, works: Sequence[Work]) -> None:
        """Return when collectives have ended.

        Raises:
            CrewChanged: One failed, or the generation is over.
            SeatLost: The seat is lost.
        """
        for work in works:
            pause = FIRST_PAUSE
            while not work.is_completed():
                self.check()
                if self._data is self._gloo:
                    _wait_a_blink(work)
                else:  # NCCL takes a limit for the whole group's end
                    time.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
            self._attempt(work.wait)

    def all_numbers(self, mine: Sequence[int]) -> list[tuple[int, ...]]:
        """Return the numbers of each member, in their order; all give equally many."""
        if self.size == 1:
            return [tuple(mine)]
        count = len(mine)
        sent = torch.tensor(list(mine) * self.size, dtype=torch.int64)
        received = torch.empty_like(sent)
        sizes = [count] * self.size
        self.finish([self.exchange(received, sent, sizes, sizes)])
        return [tuple(row) for row in received.view(self.size, count).tolist()]

    def broadcast(self, data: bytes | None, source: int) -> bytes:
        """Return to all members the bytes that `source` gives."""
        if self.size == 1:
            assert data is not None
            return data
        sizes = self.all_numbers([len(data) if self.rank == source and data is not None else 0])
        (length,) = sizes[source]
        if length == 0:
            return b""
        if self.rank == source and data is not None:
            buffer = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        else:
            buffer = torch.empty(length, dtype=torch.uint8)
        options = BroadcastOptions()
        options.rootRank = source
        options.timeout = self._patience
        self.finish([self._attempt(lambda: self._gloo.broadcast([buffer], options))])
        return buffer.numpy().tobytes()

    def _attempt(self, launch: Callable[[], Any]) -> Any:
        try:
            return launch()
        except RuntimeError as error:
            reason = f"a member was lost in an exchange: {_line(error)}"
            self._broken(reason)
            raise CrewChanged(reason) from error


def _wait_a_blink(work: Work) -> None:
    """Return when a collective of gloo has ended, or failed, or after a blink."""
    try:
        work.wait(BLINK)
    except RuntimeError:
        return  # the blink is over; a collective that failed is completed, and raises when it is asked again


#: Threads that make or close groups.
_busy: list[threading.Thread] = []


def _in_the_background(work: Callable[[], None], name: str) -> None:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    _busy[:] = [*(other for other in _busy if other.is_alive()), thread]


@atexit.register
def _finish_before_exit() -> None:
    """Let groups close: a destructor that returns while Python finalizes would abort the process."""
    deadline = time.monotonic() + FAREWELL
    for thread in _busy:
        thread.join(max(0.0, deadline - time.monotonic()))


def _gloo(meeting: MeetingPoint, rank: int, size: int, address: str) -> Any:
    options = ProcessGroupGloo._Options()  # type: ignore[attr-defined]
    options._devices = [ProcessGroupGloo.create_device(hostname=address)]
    options._timeout = timedelta(seconds=CONNECTING)
    options._threads = GLOO_THREADS
    return ProcessGroupGloo(meeting, rank, size, options)


def _nccl(meeting: MeetingPoint, rank: int, size: int, patience: timedelta) -> Any:
    """Connect GPUs. Not tested: no machine with several GPUs was at hand."""
    from torch.distributed import ProcessGroupNCCL

    options = ProcessGroupNCCL.Options()
    options._timeout = patience
    return ProcessGroupNCCL(PrefixStore("nccl", meeting), rank, size, options)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
