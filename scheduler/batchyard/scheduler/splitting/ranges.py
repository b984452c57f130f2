"""How many batches the next range holds."""

from __future__ import annotations

__all__ = ["range_length"]

#: Seconds of work that a range should be: long against the round trip, short against a death.
TARGET_SECONDS = 2.0

#: Batches of a range while the speed is unknown.
FIRST_LENGTH = 2

#: Most batches of a range: bounds a part file's size and what a death costs.
LONGEST = 4096


def range_length(left: int, batch_seconds: float, workers: int) -> int:
    """Return the length of the next range, from 1 to `left`.

    Towards the end ranges get shorter, so that all workers finish together.

    Args:
        left: Batches that no range covers yet; at least 1.
        batch_seconds: Measured time of one batch on one worker; 0 when unknown.
        workers: Workers that share what is left.
    """
    # Compared before dividing: a tiny time would overflow.
    shortest = TARGET_SECONDS / LONGEST
    length = FIRST_LENGTH if batch_seconds <= 0 else round(TARGET_SECONDS / max(batch_seconds, shortest))
    fair = -(-left // (2 * max(1, workers)))
    return max(1, min(length, fair, left))
