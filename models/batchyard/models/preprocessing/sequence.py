"""Lists of numbers as arrays: padding, word pairs, windows over time."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchyard.models.errors import DataError, InvalidArgumentError
from batchyard.models.utils.sequence import Sequence as BatchSequence

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]


def pad_sequences(
    sequences: Iterable[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> NDArray[Any]:
    """Makes sequences equally long: short ones are filled up, long ones cut.

    Args:
        sequences: lists, one per row; their items may be arrays of one shape.
        maxlen: the length; that of the longest sequence by default.
        dtype: of the result.
        padding: fill up "pre" (before) or "post" (after) the sequence.
        truncating: cut "pre" (from the beginning) or "post" (from the end).
        value: what is filled in.

    Returns:
        An array of the shape (number of sequences, maxlen, …).

    Example:
        >>> pad_sequences([[1], [2, 3, 4]], maxlen=2).tolist()
        [[0, 1], [3, 4]]

    Source: Keras 2.2.4, `preprocessing.sequence.pad_sequences`.
    """
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise InvalidArgumentError(f"{name} must be 'pre' or 'post'. Received: {given!r}.")
    rows = list(sequences)
    for number, row in enumerate(rows):
        if not hasattr(row, "__len__"):
            raise DataError(f"pad_sequences needs a list of lists. Received {row!r} as item {number}.")
    kind = np.dtype(dtype)
    if isinstance(value, str) and kind.kind not in "OUS":
        raise InvalidArgumentError(f"The value {value!r} does not fit the dtype {kind}. Use dtype=object.")
    length = max((len(row) for row in rows), default=0) if maxlen is None else maxlen
    inner = next((np.asarray(row).shape[1:] for row in rows if len(row)), ())
    result = np.full((len(rows), length, *inner), value, dtype=kind)
    for number, row in enumerate(rows):
        if not len(row) or not length:
            continue
        kept = np.asarray(row[-length:] if truncating == "pre" else row[:length], dtype=kind)
        if kept.shape[1:] != inner:
            raise DataError(
                f"All items must have the shape {inner}. Received: {kept.shape[1:]} in sequence {number}."
            )
        place = slice(None, len(kept)) if padding == "post" else slice(length - len(kept), None)
        result[number, place] = kept
    return result


def _remove_long_seq(
    maxlen: int, seq: Sequence[Sequence[Any]], label: Sequence[Any]
) -> tuple[list[Sequence[Any]], list[Any]]:
    """Returns the sequences shorter than `maxlen`, and their labels; code of Keras's time calls it."""
    kept = [(row, one) for row, one in zip(seq, label, strict=False) if len(row) < maxlen]
    return [row for row, _ in kept], [one for _, one in kept]


def make_sampling_table(size: int, sampling_factor: float = 1e-05) -> NDArray[np.float64]:
    """Returns with which probability to keep a word, by its rank: frequent words more seldom.

    By Zipf's law the frequency of rank r is about 1 / (r (ln r + γ) + 1/2 - 1/(12 r)); of a word of the
    frequency f, min(1, √(f/s) / (f/s)) are kept, s being the sampling factor.

    Args:
        size: number of words.
        sampling_factor: the factor s.

    Source: Keras 2.2.4, `preprocessing.sequence.make_sampling_table`; word2vec.
    """
    rank = np.arange(size, dtype=float)
    rank[:1] = 1
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    scaled = sampling_factor * inverse
    table: NDArray[np.float64] = np.minimum(1.0, scaled / np.sqrt(scaled))
    return table


def skipgrams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Makes pairs of a word with its neighbours (label 1), and with random words (label 0).

    Args:
        sequence: numbers of words; 0 is no word and left out.
        vocabulary_size: the highest number + 1.
        window_size: how far away a neighbour may be.
        negative_samples: random pairs per true one.
        shuffle: a random order of the pairs.
        categorical: labels as [0, 1] and [1, 0] instead of 1 and 0.
        sampling_table: the probability to keep a word, by its number.
        seed: of the order; drawn by default.

    Returns:
        The pairs and their labels.

    Source: Keras 2.2.4, `preprocessing.sequence.skipgrams`.
    """
    pairs: list[list[int]] = []
    for place, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        first = max(0, place - window_size)
        around = enumerate(sequence[first : place + window_size + 1], first)
        pairs += [[word, other] for at, other in around if at != place and other]
    labels: list[Any] = [[0, 1] if categorical else 1] * len(pairs)
    if negative_samples > 0:
        wanted = int(len(pairs) * negative_samples)
        words = [pair[0] for pair in pairs]
        random.shuffle(words)
        pairs += [[words[n % len(words)], random.randint(1, vocabulary_size - 1)] for n in range(wanted)]
        labels += [[1, 0] if categorical else 0] * wanted
    if shuffle:
        seed = random.randint(0, 10**7) if seed is None else seed
        for listed in (pairs, labels):
            random.seed(seed)
            random.shuffle(listed)
    return pairs, labels


class TimeseriesGenerator(BatchSequence):
    """Batches of windows over a series, each with the target that follows it.

    Args:
        data: the series, its first axis time.
        targets: as long as `data`.
        length: of a window, in time steps of the series.
        sampling_rate: steps between two points of a window.
        stride: steps between two windows.
        start_index: the first point that may be used.
        end_index: the last point that may be used.
        shuffle: windows at random places instead of one after the other.
        reverse: the latest point of a window first.
        batch_size: windows of a batch; the last one may have fewer.

    Example:
        >>> series = np.arange(6)
        >>> x, y = TimeseriesGenerator(series, series, length=3, batch_size=2)[0]
        >>> x.tolist(), y.tolist()
        ([[0, 1, 2], [1, 2, 3]], [3, 4])

    Source: Keras 2.2.4, `preprocessing.sequence.TimeseriesGenerator`.
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ) -> None:
        if len(data) != len(targets):
            raise DataError(
                f"data and targets must be equally long. Received: {len(data)} and {len(targets)} points."
            )
        self.data = data
        self.targets = targets
        self.length = length
        self.sampling_rate = sampling_rate
        self.stride = stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle = shuffle
        self.reverse = reverse
        self.batch_size = batch_size
        if self.start_index > self.end_index:
            raise InvalidArgumentError(
                f"`start_index+length={self.start_index} > end_index={self.end_index}` is disallowed: no "
                "window fits into the data."
            )

    def __len__(self) -> int:
        return -(-(self.end_index - self.start_index + 1) // (self.batch_size * self.stride))

    def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Returns windows and targets of a batch."""
        if self.shuffle:
            ends = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            last = min(first + self.batch_size * self.stride, self.end_index + 1)
            ends = np.arange(first, last, self.stride)
        windows = [self.data[end - self.length : end : self.sampling_rate] for end in ends]
        x = np.array(windows)
        return (x[:, ::-1] if self.reverse else x), np.array([self.targets[end] for end in ends])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, the series as JSON."""

        def as_json(series: Any) -> str:
            return json.dumps(np.asarray(series).tolist())

        return {
            "data": as_json(self.data),
            "targets": as_json(self.targets),
            "length": self.length,
            "sampling_rate": self.sampling_rate,
            "stride": self.stride,
            "start_index": self.start_index - self.length,
            "end_index": self.end_index,
            "shuffle": self.shuffle,
            "reverse": self.reverse,
            "batch_size": self.batch_size,
        }

    def to_json(self, **kwargs: Any) -> str:
        """Returns class name and configuration as JSON.

        Args:
            **kwargs: passed to `json.dumps`.
        """
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)
