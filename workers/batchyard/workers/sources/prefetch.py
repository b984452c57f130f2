"""Reading ahead in one background thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

__all__ = ["Prefetcher"]

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """Items by number, the following ones being loaded while the present one is used.

    Never holds more than `keep + 1 + depth` items. Meant for one using thread.

    Args:
        load: makes item i; runs in the background thread, one item at a time.
        depth: how many items are loaded ahead.
        keep: how many earlier items stay available.
    """

    def __init__(self, load: Callable[[int], T], *, depth: int = 1, keep: int = 0):
        self._load = load
        self._depth = depth
        self._keep = keep
        self._items: dict[int, Future[T]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
        self._lock = threading.Lock()

    def get(self, index: int, stop: int) -> T:
        """Return item `index`, waiting for it when needed, and start loading the next ones.

        Args:
            index: the item.
            stop: items from here on are not loaded ahead.

        Raises:
            Exception: what loading this item raised; asking again tries again.
        """
        with self._lock:
            wanted = range(index, min(index + 1 + self._depth, max(stop, index + 1)))
            for old in [i for i in self._items if not index - self._keep <= i < wanted.stop]:
                self._items.pop(old).cancel()
            for i in wanted:
                if i not in self._items:
                    self._items[i] = self._thread.submit(self._load, i)
            item = self._items[index]
        try:
            return item.result()
        except BaseException:
            with self._lock:
                self._items.pop(index, None)
            raise

    def close(self) -> None:
        """Forget all items and end the thread."""
        with self._lock:
            self._items.clear()
        self._thread.shutdown(wait=True, cancel_futures=True)
