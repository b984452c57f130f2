"""Decisions at an epoch's end: taken once, written down, then applied by all.

What happens, in this order:

1. Rank 0 asks the store whether a decision of this epoch stands. If not, it runs the callbacks, which changes
   nothing but the callbacks themselves, and, by some callbacks, weights.
2. It sends the text to all and, where callbacks changed weights or arrays that the others cannot work out,
   these as well. Everybody stages them, and everybody confirms.
3. Rank 0 writes the decision, by compare-and-set on (generation, epoch).
4. Every member reads the decision from the store and applies what is written there.

Where rank 0 (or anybody) can be lost, and what follows:

- *Before 3.* Nothing is written. Survivors have applied nothing; what was staged stays unused, since it is
  looked up by the decision's text. The next generation begins at 1 with the same logs. In a rank 0 that lives
  on the loop takes back what callbacks did to the weights; the callbacks' own state is set anew from
  `FitState` when the loop is entered again.
- *At 3, the answer got lost.* Writing is repeated; the same text stands, so the same answer comes. When the
  generation is over, the write is refused (None), which is the case above; or it had been accepted before,
  which is the case below. Which of them is for the next generation to read, nobody has to guess.
- *Between 3 and 4, or in the middle of 4.* The decision stands. All members of its generation had confirmed
  their staged arrays before it was written, so any survivor can send them on. Members that have applied it
  are one epoch ahead: the newest state wins, and if any of them survives, handing over is all there is to do.
  Otherwise the next generation finds the decision at 1 and applies it, without running callbacks.
- *All members of a generation are lost.* The next one starts from a checkpoint and meets, epoch by epoch, the
  decisions that stand. Where one needs arrays that nobody has staged, rank 0 runs the callbacks again for
  the arrays alone (the steps before had the same bits), and what is written is applied.
- *A rank 0 that was thought dead* writes late: the generation is over, the store refuses.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from batchyard.models.callbacks import Decision
from batchyard.models.engine.states import set_state_arrays, state_arrays
from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.store import Store
from batchyard.workers.crew.group import Group
from batchyard.workers.crew.interruption import CrewChanged
from batchyard.workers.crew.memory import FitMemory, Staged
from batchyard.workers.crew.payload import pack_payload, unpack_payload
from batchyard.workers.crew.watcher import Watcher

__all__ = ["Decisions"]

log = logging.getLogger(__name__)

#: Seconds between two looks for a decision.
LOOK_EVERY = 0.005


class Decisions:
    """Takes and applies the decisions of one generation.

    Args:
        store: where decisions are written.
        job_id: the job.
        generation: this one.
        group: its members.
        watcher: tells when it is over.
        memory: model, callbacks, state and what is staged.
    """

    def __init__(
        self,
        store: Store,
        job_id: str,
        generation: int,
        group: Group,
        watcher: Watcher,
        memory: FitMemory,
    ) -> None:
        self._store = store
        self._job = job_id
        self._generation = generation
        self._group = group
        self._watcher = watcher
        self._memory = memory

    def decide(self, epoch: int, run: Callable[[], Decision]) -> Decision:
        """Return the decision of an epoch; arrays that belong to it are applied already.

        Args:
            epoch: the epoch that has ended.
            run: runs this member's callbacks.

        Raises:
            CrewChanged: The generation is over; nothing was applied.
        """
        group = self._group
        if group.rank:
            return self._follow(epoch)
        standing = self._ask(lambda: self._store.decision(self._job, epoch))
        if standing is not None:
            self._send_text(epoch, standing, fresh=False)
            self._share_arrays(epoch, standing, run)
            self._apply_arrays(epoch, standing)
            return Decision.from_json(standing)
        decision = run()
        text = decision.to_json()
        if _has_arrays(decision):
            self._memory.staged = Staged(epoch, text, self._pack_arrays())
        self._send_text(epoch, text, fresh=True)
        self._share_arrays(epoch, text, run)
        self._write(epoch, text)
        return decision

    def _follow(self, epoch: int) -> Decision:
        """Take part in a decision as a member of another rank than 0."""
        # The callbacks may take long, and no collective must wait meanwhile.
        self._group.meeting.wait_for(f"decision/{epoch}")
        header = json.loads(self._group.broadcast(None, 0))
        text = str(header["decision"])
        self._share_arrays(epoch, text, None)
        if header["fresh"]:
            written = self._ask(lambda: self._store.decision(self._job, epoch), wait=True)
            if written != text:
                raise self._contradiction(epoch)
        self._apply_arrays(epoch, text)
        return Decision.from_json(text)

    def _send_text(self, epoch: int, text: str, *, fresh: bool) -> None:
        if self._group.size == 1:
            return
        self._group.meeting.put_up(f"decision/{epoch}")
        self._group.broadcast(json.dumps({"decision": text, "fresh": fresh}).encode(), 0)

    def _share_arrays(self, epoch: int, text: str, run: Callable[[], Decision] | None) -> None:
        """See to it that all members have staged a decision's arrays; all have when this returns."""
        if not _has_arrays(Decision.from_json(text)):
            return
        group, memory = self._group, self._memory
        have = group.all_numbers([int(self._staged(epoch, text) is not None)])
        if not any(one for (one,) in have):
            if run is not None:
                run()
                memory.staged = Staged(epoch, text, self._pack_arrays())
                group.meeting.put_up(f"arrays/{epoch}")
            else:
                group.meeting.wait_for(f"arrays/{epoch}")
            holder = 0
        else:
            holder = have.index((1,))
        if not all(one for (one,) in have):
            mine = self._staged(epoch, text)
            payload = group.broadcast(mine if group.rank == holder else None, holder)
            memory.staged = Staged(epoch, text, payload)
        group.all_numbers([1])  # all confirm

    def _write(self, epoch: int, text: str) -> None:
        stands = self._ask(lambda: self._store.decide(self._job, self._generation, epoch, text) or _REFUSED)
        if stands == _REFUSED:
            raise CrewChanged(f"the decision of epoch {epoch + 1} came too late: the generation is over")
        if stands != text:
            raise self._contradiction(epoch)

    def _contradiction(self, epoch: int) -> CrewChanged:
        reason = f"another decision stands for epoch {epoch + 1}"
        self._watcher.report_broken(self._generation, reason)
        return CrewChanged(reason)

    def _apply_arrays(self, epoch: int, text: str) -> None:
        """Apply a decision made elsewhere, where it has arrays; where it has none, the loop does."""
        decision = Decision.from_json(text)
        if not _has_arrays(decision):
            return
        memory = self._memory
        payload = self._staged(epoch, text)
        assert payload is not None  # _share_arrays saw to that
        weights, states, arrays = unpack_payload(payload, len(memory.callbacks))
        if decision.weights_changed:
            memory.model.set_weights(weights)
            set_state_arrays(memory.model, states, memory.model.device)
        memory.callbacks.apply(decision, arrays)

    def _pack_arrays(self) -> bytes:
        memory = self._memory
        return pack_payload(
            memory.model.get_weights(),
            state_arrays(memory.model),
            [callback.get_arrays() for callback in memory.callbacks],
        )

    def _staged(self, epoch: int, text: str) -> bytes | None:
        staged = self._memory.staged
        if staged is None or (staged.epoch, staged.decision) != (epoch, text):
            return None
        return staged.payload

    def _ask(self, question: Callable[[], str | None], *, wait: bool = False) -> str | None:
        """Return the store's answer, waiting for a Redis that is away (and for an answer, if told to)."""
        away = False
        while True:
            self._watcher.check()
            try:
                answer = question()
            except StoreUnavailable as error:
                if not away:
                    log.info("waiting for Redis to decide: %s", error, extra={"action": "decide"})
                away = True
                self._watcher.pause(10 * LOOK_EVERY)
                continue
            if answer is not None or not wait:
                return answer
            self._watcher.pause(LOOK_EVERY)


#: Stands for the store's None where None means "no answer yet"; no decision is empty JSON.
_REFUSED = ""


def _has_arrays(decision: Decision) -> bool:
    return decision.weights_changed or decision.arrays_changed
