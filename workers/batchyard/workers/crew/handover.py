"""How the members of a new generation come to the same state: the newest one that anybody has."""

from __future__ import annotations

import logging
from collections.abc import Callable

from batchyard.models.training import FitState, pack, unpack
from batchyard.workers.crew.group import Group
from batchyard.workers.crew.memory import FitMemory

__all__ = ["hand_over"]

log = logging.getLogger(__name__)

#: The notice that the state is ready to be sent.
NOTICE = "state"


def hand_over(group: Group, memory: FitMemory, begin: Callable[[], FitState]) -> None:
    """Bring all members to the newest state among them.

    Survivors of a lost member can be one step apart: who had gathered every slice has applied the step, who
    had not has not. Both are step boundaries of the same training, so the newer one wins, and nobody
    recomputes what one member still has. States with equal cursors have equal bits.

    Args:
        group: the members.
        memory: this member's; changed where another one is newer.
        begin: brings `memory.model` to where the job begins or goes on when no member has a state; returns
            that state. Called on rank 0 only.

    Raises:
        CrewChanged: The generation is over. `memory` is as before, or has the newest state.
    """
    cursors = group.all_numbers(memory.cursor)
    newest = max(cursors)
    if newest[0] < 0:
        source, behind = 0, list(range(1, group.size))
        if group.rank == source:
            memory.state = begin()
    else:
        source = cursors.index(newest)
        behind = [rank for rank, cursor in enumerate(cursors) if cursor != newest]
    if not behind:
        return
    data: bytes | None = None
    if group.rank == source:
        data = pack(memory.model, memory.fit_state)
        group.meeting.put_up(NOTICE)
    else:
        # Reading a checkpoint may take long, and no collective must wait meanwhile.
        group.meeting.wait_for(NOTICE)
    data = group.broadcast(data, source)
    if group.rank in behind:
        memory.state = unpack(data, memory.model)
        log.info(
            "took over the state after %d steps",
            memory.state.iterations,
            extra={"action": "hand_over", "source": source},
        )
