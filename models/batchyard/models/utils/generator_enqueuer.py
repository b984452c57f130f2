"""What a Python generator gives, made ahead."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from batchyard.models.utils.sequence_enqueuer import (
    SequenceEnqueuer,
    _shared,
    init_pool_generator,
    next_sample,
)

__all__ = ["GeneratorEnqueuer"]


class GeneratorEnqueuer(SequenceEnqueuer):
    """Runs a generator ahead of who reads it.

    A generator can run in one thread only, so without processes one worker does all, in order. With
    processes each has a copy of the generator, so batches may come more than once.

    Args:
        sequence: the generator.
        use_multiprocessing: processes instead of a thread.
        wait_time: ignored; Keras had stopped using it too.
        random_seed: seed of the processes' random numbers; each adds its own number.

    Source: Keras 2.2.4, `utils.GeneratorEnqueuer`.
    """

    def __init__(
        self,
        sequence: Any,
        use_multiprocessing: bool = False,
        wait_time: float | None = None,
        random_seed: int | None = None,
    ) -> None:
        super().__init__(sequence, use_multiprocessing)
        self.random_seed = random_seed
        if wait_time is not None:
            warnings.warn(
                "`wait_time` is not used anymore: the enqueuer waits without polling.",
                DeprecationWarning,
                stacklevel=2,
            )

    def start(self, workers: int = 1, max_queue_size: int = 10) -> None:
        """Begins to work ahead.

        Args:
            workers: processes; threads are never more than one.
            max_queue_size: batches that may be kept.
        """
        super().start(workers if self.use_multiprocessing else min(workers, 1), max_queue_size)

    def _run(self) -> None:
        with self._pool(init_pool_generator, (_shared, self.random_seed)) as pool:
            while self._submit(pool, next_sample, (self.uid,)):
                pass

    def get(self) -> Iterator[Any]:
        """Gives what the generator gives, until it ends."""
        while self.is_running():
            try:
                batch = self._take()
            except StopIteration:
                return
            yield batch
