"""Whole numbers as numbers of categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.later.encoding import check_mode, encode, encoded_shape
from batchyard.models.layers.registry import layers

__all__ = ["IntegerLookup"]


@layers.register()
class IntegerLookup(Layer):
    """Finds the place of each number in a vocabulary.

    The places of numbers that are not in it come first, behind that of the mask if there is one.

    Args:
        vocabulary: the numbers, each once; `mask_token` and `oov_token` may stand before them, as in what
            Keras's `get_vocabulary` returns.
        max_tokens: accepted for Keras's sake.
        num_oov_indices: how many places there are for other numbers; chosen by the remainder of a division.
        mask_token: a number whose place is 0, with `output_mode` "int"; none by default.
        oov_token: what stands for other numbers when places are made numbers again.
        invert: whether places are made numbers, and not numbers places.
        output_mode: "int" for places, or "one_hot", "multi_hot", "count" as of `CategoryEncoding`.
        sparse: False.
        pad_to_max_tokens: whether vectors have `max_tokens` elements.
        vocabulary_size: accepted for Keras's sake.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        that of the input, or as of `CategoryEncoding`

    Example:
        >>> IntegerLookup(vocabulary=[7, 5])(torch.tensor([5, 7, 3]))
        tensor([2, 1, 0])

    Source: Keras 3, `layers.IntegerLookup`.
    """

    def __init__(
        self,
        vocabulary: Sequence[int] | None = None,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        vocabulary_size: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(vocabulary, list | tuple) or not vocabulary:
            raise InvalidArgumentError(
                f"Layer {self.name!r} of class IntegerLookup needs its vocabulary as a list of numbers. "
                f"Received: {vocabulary!r:.60}. What `adapt` found stands in no configuration: write the "
                "layer with vocabulary=layer.get_vocabulary(include_special_tokens=False)."
            )
        self.num_oov_indices = int(num_oov_indices)
        self._begin = self.num_oov_indices + int(mask_token is not None and output_mode == "int")
        self.vocabulary = self._without_special_tokens(
            [int(token) for token in vocabulary], mask_token, oov_token
        )
        if not self.vocabulary or len(set(self.vocabulary)) != len(self.vocabulary):
            raise InvalidArgumentError(
                f"Layer {self.name!r} of class IntegerLookup needs a vocabulary with each number once. "
                f"Received: {vocabulary!r:.60}."
            )
        self.max_tokens = max_tokens
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = invert
        self.output_mode = check_mode(output_mode, sparse, also=("int",))
        self.pad_to_max_tokens = pad_to_max_tokens
        order = np.argsort(self.vocabulary, kind="stable")
        self.register_buffer("_ordered", torch.tensor(np.array(self.vocabulary)[order]), persistent=False)
        self.register_buffer("_places", torch.tensor(order), persistent=False)

    def _without_special_tokens(self, tokens: list[int], mask: int | None, other: int) -> list[int]:
        """What follows the tokens of the first places, if they are given too."""
        if self._begin > len(tokens):
            return tokens
        special = [mask] * (self._begin - self.num_oov_indices) + [other] * self.num_oov_indices
        return tokens[self._begin :] if tokens[: self._begin] == special else tokens

    @property
    def _count(self) -> int:
        """How many places there are."""
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        return len(self.vocabulary) + self._begin

    def call(self, inputs: Tensor) -> Tensor:
        """Computes the output."""
        ordered, places = (getattr(self, name).to(inputs.device) for name in ("_ordered", "_places"))
        x = inputs.long()
        if self.invert:
            known = (x >= self._begin) & (x < self._begin + len(ordered))
            tokens = torch.empty_like(ordered).scatter_(0, places, ordered)
            return torch.where(known, tokens[(x - self._begin).clamp(0, len(ordered) - 1)], self.oov_token)
        at = torch.searchsorted(ordered, x).clamp(max=len(ordered) - 1)
        found = places[at] + self._begin
        other = torch.remainder(x, max(1, self.num_oov_indices)) + self._begin - self.num_oov_indices
        if not self.num_oov_indices and not x.is_meta and bool((ordered[at] != x).any()):
            raise InvalidArgumentError(f"Layer {self.name} was given numbers that its vocabulary lacks.")
        found = torch.where(ordered[at] == x, found, other)
        if self.output_mode != "int":
            return encode(found, self.output_mode, self._count, None, torch_dtype(self.dtype))
        return found if self.mask_token is None else torch.where(x == self.mask_token, 0, found)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the output's shape."""
        if self.invert or self.output_mode == "int":
            return input_shape
        return encoded_shape(input_shape, self.output_mode, self._count)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "vocabulary": self.vocabulary,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "mask_token": self.mask_token,
            "oov_token": self.oov_token,
            "invert": self.invert,
            "output_mode": self.output_mode,
            "pad_to_max_tokens": self.pad_to_max_tokens,
        }
