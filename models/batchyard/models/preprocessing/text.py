"""Texts as numbers: words, their ranks, and matrices of them."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchyard.models.errors import InvalidArgumentError

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence"]


def text_to_word_sequence(
    text: str,
    filters: str = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n',
    lower: bool = True,
    split: str = " ",
) -> list[str]:
    """Returns the words of a text.

    Args:
        text: the text.
        filters: characters that count as `split`.
        lower: whether to use lower case.
        split: what parts two words.

    Example:
        >>> text_to_word_sequence("Stop, thief!")
        ['stop', 'thief']

    Source: Keras 2.2.4, `preprocessing.text.text_to_word_sequence`.
    """
    text = text.lower() if lower else text
    return [word for word in text.translate(dict.fromkeys(map(ord, filters), split)).split(split) if word]


def one_hot(
    text: str,
    n: int,
    filters: str = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n',
    lower: bool = True,
    split: str = " ",
) -> list[int]:
    """Returns a number below `n` for each word of a text, by Python's `hash`: other ones in each process.

    Args:
        text: the text.
        n: numbers from 1 to n - 1.
        filters: as in `text_to_word_sequence`.
        lower: likewise.
        split: likewise.

    Source: Keras 2.2.4, `preprocessing.text.one_hot`.
    """
    return hashing_trick(text, n, hash, filters, lower, split)


def hashing_trick(
    text: str,
    n: int,
    hash_function: str | Callable[[str], int] | None = None,
    filters: str = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n',
    lower: bool = True,
    split: str = " ",
) -> list[int]:
    """Returns a number below `n` for each word of a text; different words may have the same.

    Args:
        text: the text.
        n: numbers from 1 to n - 1.
        hash_function: Python's `hash` by default; "md5" gives the same numbers everywhere; or a function.
        filters: as in `text_to_word_sequence`.
        lower: likewise.
        split: likewise.

    Source: Keras 2.2.4, `preprocessing.text.hashing_trick`.
    """
    if hash_function == "md5":
        function: Callable[[str], int] = _md5
    else:
        function = hash_function if callable(hash_function) else hash
    return [1 + function(word) % (n - 1) for word in text_to_word_sequence(text, filters, lower, split)]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


class Tokenizer:
    """Learns words from texts, and turns texts into the words' ranks or into rows of a matrix.

    The most frequent word has the number 1; 0 is no word.

    Args:
        num_words: only the `num_words - 1` most frequent words are used; all by default.
        filters: characters that part words.
        lower: whether to use lower case.
        split: what parts two words.
        char_level: characters instead of words.
        oov_token: stands for words that are not known or not frequent enough, as number 1.
        document_count: texts seen so far.

    Attributes:
        word_counts: how often each word was seen.
        word_docs: in how many texts each word was seen.
        word_index: numbers by word.
        index_word: words by number.
        index_docs: in how many texts each word was seen, by number.

    Example:
        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a cat", "a dog"])
        >>> tokenizer.texts_to_sequences(["a dog"])
        [[1, 3]]

    Source: Keras 2.2.4, `preprocessing.text.Tokenizer`.
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n',
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        document_count: int = 0,
        **kwargs: Any,
    ) -> None:
        if "nb_words" in kwargs:
            warnings.warn(
                "The `nb_words` argument in `Tokenizer` has been renamed `num_words`.",
                UserWarning,
                stacklevel=2,
            )
            num_words = kwargs.pop("nb_words")
        if kwargs:
            raise TypeError(f"Tokenizer does not know the arguments {sorted(kwargs)}.")
        self.num_words = num_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = oov_token
        self.document_count = document_count
        self.word_counts: OrderedDict[str, int] = OrderedDict()
        self.word_docs: defaultdict[str, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}
        self.index_docs: defaultdict[int, int] = defaultdict(int)

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Learns the words of texts.

        Args:
            texts: texts, or lists of words.
        """
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        ranked = sorted(self.word_counts, key=lambda word: -self.word_counts[word])
        if self.oov_token is not None:
            ranked = [self.oov_token, *(word for word in ranked if word != self.oov_token)]
        self.word_index = {word: number for number, word in enumerate(ranked, 1)}
        self.index_word = {number: word for word, number in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Iterable[Iterable[int]]) -> None:
        """Learns in how many sequences each number is, as `texts_to_matrix` needs it for "tfidf".

        Args:
            sequences: lists of numbers.
        """
        for sequence in sequences:
            self.document_count += 1
            for number in set(sequence):
                self.index_docs[number] += 1

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """Returns the numbers of the known words of each text.

        Args:
            texts: texts, or lists of words.
        """
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """Gives what `texts_to_sequences` returns, text by text.

        Args:
            texts: texts, or lists of words.
        """
        unknown = None if self.oov_token is None else self.word_index.get(self.oov_token)
        for text in texts:
            numbers = (self.word_index.get(word) for word in self._words(text))
            known = (number if self._is_used(number) else unknown for number in numbers)
            yield [number for number in known if number is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """Returns the known words of each sequence, with spaces between them.

        Args:
            sequences: lists of numbers.
        """
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """Gives what `sequences_to_texts` returns, one by one.

        Args:
            sequences: lists of numbers.
        """
        for sequence in sequences:
            words = (self.index_word.get(n) if self._is_used(n) else self.oov_token for n in sequence)
            words = (self.oov_token if word is None else word for word in words)
            yield " ".join(word for word in words if word is not None)

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> NDArray[np.float64]:
        """Returns a row per text, with a column per word.

        Args:
            texts: texts, or lists of words.
            mode: as in `sequences_to_matrix`.
        """
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(
        self, sequences: Iterable[Iterable[int]], mode: str = "binary"
    ) -> NDArray[np.float64]:
        """Returns a row per sequence, with a column per word.

        Args:
            sequences: lists of numbers.
            mode: "binary" for 1 where the word occurs, "count" for how often, "freq" for its share of the
                sequence, "tfidf" for the count's logarithm by how rare the word is.
        """
        if mode not in ("binary", "count", "freq", "tfidf"):
            raise InvalidArgumentError(
                f"mode must be 'binary', 'count', 'freq' or 'tfidf'. Received: {mode!r}."
            )
        if not self.num_words and not self.word_index:
            raise InvalidArgumentError("Give num_words, or call fit_on_texts first.")
        if mode == "tfidf" and not self.document_count:
            raise InvalidArgumentError("The mode 'tfidf' needs fit_on_texts or fit_on_sequences first.")
        columns = self.num_words or len(self.word_index) + 1
        rows = [list(sequence) for sequence in sequences]
        matrix = np.zeros((len(rows), columns))
        for row, sequence in zip(matrix, rows, strict=True):
            for number, count in Counter(n for n in sequence if n < columns).items():
                if mode == "tfidf":
                    rarity = np.log(1 + self.document_count / (1 + self.index_docs.get(number, 0)))
                    row[number] = (1 + np.log(count)) * rarity
                else:
                    row[number] = {"binary": 1, "count": count, "freq": count / len(sequence)}[mode]
        return matrix

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, and what was learnt as JSON."""
        return {
            "num_words": self.num_words,
            "filters": self.filters,
            "lower": self.lower,
            "split": self.split,
            "char_level": self.char_level,
            "oov_token": self.oov_token,
            "document_count": self.document_count,
            "word_counts": json.dumps(self.word_counts),
            "word_docs": json.dumps(self.word_docs),
            "index_docs": json.dumps(self.index_docs),
            "index_word": json.dumps(self.index_word),
            "word_index": json.dumps(self.word_index),
        }

    def to_json(self, **kwargs: Any) -> str:
        """Returns class name and configuration as JSON.

        Args:
            **kwargs: passed to `json.dumps`.
        """
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)

    def _words(self, text: Any) -> list[str]:
        if self.char_level or isinstance(text, list):
            if not self.lower:
                return list(text)
            return [word.lower() for word in text] if isinstance(text, list) else list(text.lower())
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def _is_used(self, number: int | None) -> bool:
        return number is not None and not (self.num_words and number >= self.num_words)
