"""Threads that make batches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

__all__ = ["ReadingThreads", "Result"]


class Result:
    """What a piece of work gives, once it is done; has the methods of `multiprocessing`'s results."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._work = (function, arguments)
        self._done = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Does the work, in the thread that calls this."""
        function, arguments = self._work
        try:
            self._value = function(*arguments)
        except BaseException as error:  # whoever asks for the value is told
            self._error = error
        self._done.set()

    def ready(self) -> bool:
        """Whether it is done."""
        return self._done.is_set()

    def wait(self, timeout: float | None = None) -> None:
        """Waits until it is done, or so many seconds."""
        self._done.wait(timeout)

    def get(self) -> Any:
        """Waits until it is done; returns the value, or raises what the work raised."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._value


class ReadingThreads:
    """Stands where else a `multiprocessing.Pool` does, and hands work to threads without a detour.

    `multiprocessing.pool.ThreadPool` passes a piece of work on from thread to thread three times. Each time
    costs about 0.1 ms next to a model that is being trained: more than reading a small batch.

    Args:
        count: how many threads.
    """

    def __init__(self, count: int) -> None:
        self._waiting: SimpleQueue[Result | None] = SimpleQueue()
        self._count = count
        self._ended = False
        for number in range(count):
            # Daemons: a generator that waits for ever for its own source keeps no program from ending.
            threading.Thread(target=self._work, name=f"batchyard-reader-{number}", daemon=True).start()

    def apply_async(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Result:
        """Has the next thread that is free do this."""
        result = Result(function, arguments)
        self._waiting.put(result)
        return result

    def terminate(self) -> None:
        """Ends each thread after the piece of work it is at; what waits is left undone."""
        self._ended = True
        for _ in range(self._count):
            self._waiting.put(None)

    def _work(self) -> None:
        while (result := self._waiting.get()) is not None and not self._ended:
            result.run()
