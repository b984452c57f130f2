"""Reviews of films, good or bad, as lists of word numbers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from batchyard.models.datasets.guarded_unpickling import read_word_lists
from batchyard.models.datasets.word_numbers import as_objects, prepare, renamed
from batchyard.models.utils.get_file import get_file

__all__ = ["get_word_index", "load_data"]


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs: Any,
) -> Any:
    """Returns (x_train, y_train), (x_test, y_test).

    Args:
        path: name in the cache.
        num_words: only the most frequent words; all by default.
        skip_top: leave out so many of the most frequent words.
        maxlen: leave out texts of so many words or more.
        seed: of the order of the texts.
        start_char: the number that begins each text; None for none.
        oov_char: the number for words left out; None to drop them.
        index_from: what is added to the numbers.
        **kwargs: `nb_words`, Keras 1's name of `num_words`.

    Source: Keras 2.2.4, `datasets.imdb`.
    """
    num_words = renamed(num_words, kwargs)
    file = get_file(
        path,
        origin="https://s3.amazonaws.com/text-datasets/imdb.npz",
        file_hash="599dadb1135973df5b59232a0e9a887c",
    )
    random = np.random.RandomState(seed)
    texts, labels = [], []
    for part in ("train", "test"):
        words, values = read_word_lists(file, f"x_{part}"), read_word_lists(file, f"y_{part}")
        order = random.permutation(len(words))
        texts.append(words[order])
        labels.append(values[order])
    at = len(texts[0])
    rows, found = prepare(
        np.concatenate(texts),  # type: ignore[arg-type]
        np.concatenate(labels),
        num_words,
        skip_top,
        maxlen,
        start_char,
        oov_char,
        index_from,
    )
    return (as_objects(rows[:at]), found[:at]), (as_objects(rows[at:]), found[at:])


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Returns the words' numbers.

    Args:
        path: name in the cache.
    """
    file = get_file(
        path,
        origin="https://s3.amazonaws.com/text-datasets/imdb_word_index.json",
        file_hash="bfafd718b763782e994055a2d397834f",
    )
    with open(file, encoding="utf-8") as opened:
        index: dict[str, int] = json.load(opened)
    return index
