"""Batches of a `Sequence`, made ahead and given in their order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from batchyard.models.utils.sequence_enqueuer import SequenceEnqueuer, _shared, get_index, init_pool

__all__ = ["OrderedEnqueuer"]


class OrderedEnqueuer(SequenceEnqueuer):
    """Reads a `Sequence` over and over with several workers; the order is kept.

    `on_epoch_end` of the sequence is called when all batches of a round were taken; processes are made
    anew for each round, so that they see what it changed.

    Args:
        sequence: the source of batches.
        use_multiprocessing: processes instead of threads.
        shuffle: a new order of batches in each round.

    Source: Keras 2.2.4, `utils.OrderedEnqueuer`.
    """

    def __init__(self, sequence: Any, use_multiprocessing: bool = False, shuffle: bool = False) -> None:
        super().__init__(sequence, use_multiprocessing)
        self.shuffle = shuffle
        self._random: random.Random | None = None

    def start(self, workers: int = 1, max_queue_size: int = 10) -> None:
        """Begins to work ahead.

        Args:
            workers: threads or processes.
            max_queue_size: batches that may be kept.
        """
        if self.shuffle:
            # Drawn here and not in the thread, so that `random.seed` alone decides.
            self._random = random.Random(random.getrandbits(64))
        super().start(workers, max_queue_size)

    def _run(self) -> None:
        while self._wait_until_wanted():
            order = list(range(len(self.sequence)))
            if self._random is not None:
                self._random.shuffle(order)
            with self._pool(init_pool, (_shared,)) as pool:
                for index in order:
                    if not self._submit(pool, get_index, (self.uid, index)):
                        return
                if not self._wait_until_taken():
                    return
            self.sequence.on_epoch_end()

    def get(self) -> Iterator[Any]:
        """Gives the batches, round after round."""
        while self.is_running():
            yield self._take()
