"""Work ahead of whoever needs the results: batches are made by others while the last one is used."""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
import warnings
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.pool import TERMINATE, AsyncResult, Pool
from typing import Any

import numpy as np

from batchyard.models.errors import InvalidArgumentError, WorkerLostError
from batchyard.models.utils.reading_threads import ReadingThreads, Result

__all__ = ["SequenceEnqueuer", "get_index", "init_pool", "init_pool_generator", "next_sample"]

#: What the workers of a pool read from, by the number of the enqueuer. A forked process inherits it, so
#: nothing has to be pickled.
_shared: dict[int, Any] = {}
_uids = iter(range(1 << 62))


def init_pool(seqs: dict[int, Any]) -> None:
    """Gives a new worker what it reads from.

    Args:
        seqs: sequences by the number of their enqueuer.
    """
    global _shared
    _shared = seqs


def init_pool_generator(gens: dict[int, Any], random_seed: int | None = None) -> None:
    """Gives a new worker process its generators, and random numbers of its own.

    Args:
        gens: generators by the number of their enqueuer.
        random_seed: the seed of numpy's and Python's generators; each process adds its own number.
    """
    init_pool(gens)
    identity = multiprocessing.current_process()._identity
    number = identity[-1] if identity else os.getpid()
    if random_seed is not None:
        np.random.seed(random_seed + number)
        random.seed(random_seed + number)


def get_index(uid: int, i: int) -> Any:
    """Returns batch `i` of the sequence of enqueuer `uid`; runs in the workers."""
    return _shared[uid][i]


def next_sample(uid: int) -> Any:
    """Returns what the generator of enqueuer `uid` gives next; runs in the workers."""
    return next(_shared[uid])


class SequenceEnqueuer(ABC):
    """Makes batches ahead, at most `max_queue_size` of them, in threads or processes.

    One thread hands the work to a pool. It waits while as many results as may be kept are under way or
    not taken yet, so memory is bounded by `max_queue_size` batches.

    Args:
        sequence: what the batches come from.
        use_multiprocessing: processes instead of threads.

    Example:
        >>> from batchyard.models.utils import OrderedEnqueuer
        >>> enqueuer = OrderedEnqueuer(sequence)  # doctest: +SKIP
        >>> enqueuer.start(workers=2, max_queue_size=4)  # doctest: +SKIP
        >>> batch = next(enqueuer.get())  # doctest: +SKIP
        >>> enqueuer.stop()  # doctest: +SKIP

    Source: Keras 2.2.4, `utils.data_utils.SequenceEnqueuer`; how it works inside is our own.
    """

    def __init__(self, sequence: Any, use_multiprocessing: bool = False) -> None:
        self.sequence = sequence
        self.use_multiprocessing = use_multiprocessing
        self.uid = next(_uids)
        self.workers = 0
        self.max_queue_size = 0
        self._change = threading.Condition()
        self._results: deque[AsyncResult[Any] | Result] = deque()
        #: What was under way when it was stopped.
        self._left: list[AsyncResult[Any] | Result] = []
        self._stopped = True
        self._failure: BaseException | None = None
        #: How many batches are made at most; None for no end. Set before `start`.
        self.limit: int | None = None
        self._submitted = 0
        #: The pool, if it is one of processes, and the processes with which it began.
        self._killable: Any = None
        self._processes: list[Any] = []
        self._thread: threading.Thread | None = None

    def start(self, workers: int = 1, max_queue_size: int = 10) -> None:
        """Begins to work ahead.

        Args:
            workers: threads or processes.
            max_queue_size: batches that may be kept.
        """
        if workers < 1 or max_queue_size < 1:
            raise InvalidArgumentError(
                "An enqueuer needs at least 1 worker and room for 1 batch. Received: "
                f"workers={workers}, max_queue_size={max_queue_size}."
            )
        self.workers = workers
        self.max_queue_size = max_queue_size
        self._results.clear()
        self._failure = None
        self._submitted = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._guarded_run, name="batchyard-enqueuer", daemon=True)
        self._thread.start()

    def stop(self, timeout: float | None = None) -> None:
        """Ends the workers, and forgets what they have made.

        Args:
            timeout: how long to wait for them, in seconds; None for as long as it takes.
        """
        with self._change:
            self._stopped = True
            self._left = list(self._results)
            self._results.clear()
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        _shared.pop(self.uid, None)

    def is_running(self) -> bool:
        """Whether it was started and not stopped yet."""
        return not self._stopped

    @abstractmethod
    def _run(self) -> None:
        """Hands the work to a pool; what the thread does."""

    @abstractmethod
    def get(self) -> Iterator[Any]:
        """Gives the batches in their order, and waits for each."""

    def _guarded_run(self) -> None:
        try:
            self._run()
        except BaseException as error:  # whoever waits for batches is told
            with self._change:
                self._failure = error
                self._change.notify_all()

    @contextmanager
    def _pool(self, initializer: Callable[..., None], arguments: tuple[Any, ...]) -> Iterator[Any]:
        """Gives a pool of threads or processes, and ends it."""
        pool = self._make_pool(initializer, arguments)
        try:
            yield pool
            self._wait_for_what_is_left()
        finally:
            pool.terminate()

    def _wait_for_what_is_left(self) -> None:
        """Waits until no worker process is writing a result: one ended just then would keep a lock for ever.

        Raises:
            WorkerLostError: if a worker process was killed.
        """
        if self._killable is not None and not isinstance(self._failure, WorkerLostError):
            for result in self._left:
                while not result.ready():
                    self._expect_all_workers()
                    result.wait(0.1)

    def _make_pool(self, initializer: Callable[..., None], arguments: tuple[Any, ...]) -> Any:
        _shared[self.uid] = self.sequence
        if not self.use_multiprocessing:
            return ReadingThreads(self.workers)
        # Forked where that exists, as in Keras: scripts need no `if __name__ == "__main__"`, and what the
        # batches come from needn't be picklable.
        method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
            pool = Pool(self.workers, initializer, arguments, context=multiprocessing.get_context(method))
        self._processes = list(pool._pool)  # type: ignore[attr-defined]  # it replaces lost ones silently
        self._killable = pool
        return pool

    def _submit(self, pool: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
        """Hands over one piece of work as soon as there is room; returns False once stopped."""
        with self._change:
            self._change.wait_for(
                lambda: self._stopped or (len(self._results) < self.max_queue_size and self._wants_more())
            )
            if self._stopped:
                return False
            self._submitted += 1
            self._results.append(pool.apply_async(function, arguments))
            self._change.notify_all()
            return True

    def _wants_more(self) -> bool:
        return self.limit is None or self._submitted < self.limit

    def _wait_until_wanted(self) -> bool:
        """Waits until more batches are wanted; returns False once stopped."""
        with self._change:
            self._change.wait_for(lambda: self._stopped or self._wants_more())
            return not self._stopped

    def _wait_until_taken(self) -> bool:
        """Waits until nothing is left to be taken; returns False once stopped."""
        with self._change:
            self._change.wait_for(lambda: self._stopped or not self._results)
            return not self._stopped

    def _expect_all_workers(self) -> None:
        """Ends the pool if a worker process was killed: what it was making is lost, and may be waited for.

        Raises:
            WorkerLostError: if one was.
        """
        lost = [process for process in self._processes if process.exitcode not in (None, 0)]
        if not lost:
            return
        # The dead one may hold a lock for which an orderly end would wait for ever.
        pool = self._killable
        pool._terminate.cancel()
        pool._worker_handler._state = TERMINATE
        for process in list(pool._pool):
            process.kill()  # which wakes who watches over them
        pool._worker_handler.join()
        for process in pool._pool:
            process.kill()
            process.join()
        codes = ", ".join(f"process {process.pid} with exit code {process.exitcode}" for process in lost)
        self._failure = WorkerLostError(
            f"A worker that makes batches ended before its time: {codes}. A code of -9 often means that the "
            "system ran out of memory: use fewer workers, a smaller max_queue_size, or threads "
            "(use_multiprocessing=False)."
        )
        raise self._failure

    def _take(self) -> Any:
        """Returns the oldest result, and makes room for another.

        Raises:
            StopIteration: if the generator that makes the batches has come to its end.
            WorkerLostError: if a worker process was killed.
        """
        with self._change:
            self._change.wait_for(lambda: self._stopped or self._failure is not None or bool(self._results))
            if self._stopped:
                raise InvalidArgumentError("The enqueuer was stopped: start it before taking batches.")
            if not self._results and self._failure is not None:
                raise self._failure
            result = self._results[0]
        try:
            while not result.ready():
                result.wait(1.0)
                if not result.ready():
                    self._expect_all_workers()
                if self._stopped:
                    raise InvalidArgumentError("The enqueuer was stopped while a batch was waited for.")
            return result.get()
        finally:
            with self._change:
                if self._results and self._results[0] is result:
                    self._results.popleft()
                self._change.notify_all()
