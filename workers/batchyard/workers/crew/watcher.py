"""The thread through which a member hears of the store while it computes."""

from __future__ import annotations

import logging
import threading
import time
from typing import Self

from batchyard.scheduler.errors import StoreUnavailable
from batchyard.scheduler.protocol import Crew, Want
from batchyard.scheduler.store import Claim, Store, patiently
from batchyard.workers.crew.interruption import CrewChanged, SeatLost

__all__ = ["Watcher"]

log = logging.getLogger(__name__)

#: Seconds after which the store is asked again though no signal came: lost signals cost no more than this.
ASK_EVERY = 1.0

#: Seconds that one read waits for signals.
READ = 0.25

#: Seconds between two tries while Redis is away.
RETRY = 0.2

#: Seconds that the seat's end waits for the thread; it is longer in a read only while Redis hangs.
FAREWELL = 1.0


class Watcher:
    """Watches a job's crew for one seat, and raises flags that the training thread looks at.

    Looking at a flag costs nothing and never waits for Redis. A Redis that is away changes nothing: training
    goes on with what is known, and the thread keeps trying.

    Args:
        store: the shared state.
        claim: the seat.
        incarnation: this process.
    """

    def __init__(self, store: Store, claim: Claim, incarnation: str) -> None:
        self._store = store
        self._job = claim.job.id
        self._seat = (claim.job.id, claim.task.id, claim.task.attempt, incarnation)
        self._incarnation = incarnation
        self._crew = Crew(generation=0, members=())
        self._watched = 0
        self._broken: dict[int, str] = {}
        self._lost = False
        self._failure: Exception | None = None
        self._stop_wanted = claim.job.want == Want.STOP
        self._news = threading.Condition()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crew-watcher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(FAREWELL)

    @property
    def crew(self) -> Crew:
        """The crew as last read."""
        return self._crew

    @property
    def stop_wanted(self) -> bool:
        """Whether the user asked the job to stop gracefully."""
        return self._stop_wanted

    def watch(self, generation: int) -> None:
        """From here on `check` speaks about this generation."""
        self._watched = generation

    def check(self) -> None:
        """Raise when the watched generation is over, or the seat is lost.

        Raises:
            CrewChanged: Another generation was written, or this one was reported broken.
            SeatLost: The seat is not this process's any more.
        """
        self._check_seat()
        watched = self._watched
        if self._crew.generation > watched:
            raise CrewChanged(f"generation {self._crew.generation} was formed")
        if watched in self._broken:
            raise CrewChanged(self._broken[watched])

    def next_crew(self, after: int, patience: float) -> Crew | None:
        """Return the crew when its generation is later than `after`; None when that takes too long.

        Args:
            after: a generation that is over.
            patience: seconds to wait.

        Raises:
            SeatLost: The seat is not this process's any more.
        """
        with self._news:
            self._news.wait_for(
                lambda: self._lost or self._failure is not None or self._crew.generation > after, patience
            )
            self._check_seat()
            return self._crew if self._crew.generation > after else None

    def report_broken(self, generation: int, reason: str) -> None:
        """Flag a generation as broken here at once, and tell the others as soon as Redis can be reached."""
        if generation in self._broken or self._crew.generation > generation:
            return
        self._broken[generation] = reason

        def report() -> None:
            try:
                patiently(
                    lambda: self._store.report_broken(self._job, generation, self._incarnation, reason),
                    self._over,
                )
            except StoreUnavailable:
                log.info(
                    "the seat ended before a break could be reported",
                    extra={"action": "report_broken", "job": self._job},
                )

        threading.Thread(target=report, name="report-broken", daemon=True).start()

    def _check_seat(self) -> None:
        if self._failure is not None:
            raise RuntimeError("the crew cannot be watched any more") from self._failure
        if self._lost:
            raise SeatLost("the seat is not this worker's any more")

    def _run(self) -> None:
        try:
            self._watch()
        except Exception as error:  # raised again in the training thread
            with self._news:
                self._failure = error
                self._news.notify_all()

    def _watch(self) -> None:
        position: str | None = None
        away, look_at = False, 0.0
        while not self._over.is_set():
            try:
                if position is None:
                    position = self._store.last_signal(self._job)
                if time.monotonic() >= look_at:
                    self._look()
                    look_at = time.monotonic() + ASK_EVERY
                signals = self._store.signals(self._job, position, READ)
            except StoreUnavailable as error:
                if self._over.is_set():
                    return
                if not away:
                    log.warning("the crew cannot be watched: %s", error, extra={"action": "watch"})
                away = True
                self._over.wait(RETRY)
                continue
            if away:
                log.info("the crew can be watched again", extra={"action": "watch"})
                away = False
            if signals:
                position, look_at = signals[-1].id, 0.0

    def _look(self) -> None:
        """Read everything anew; a signal only says that it is time to."""
        crew = self._store.crew(self._job)
        mine = self._store.still_mine(*self._seat)
        stop = mine and self._store.want(self._job) == Want.STOP
        with self._news:
            # A Redis restored from an old copy must not take a crew back in time.
            if crew.generation >= self._crew.generation:
                self._crew = crew
            if crew.broken:
                self._broken.setdefault(crew.generation, f"broken: {crew.broken}")
            self._stop_wanted = self._stop_wanted or stop
            self._lost = not mine
            self._news.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait a little, shorter when there is news."""
        with self._news:
            self._news.wait(seconds)
