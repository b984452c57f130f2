"""Attention by sums of queries and keys."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models.engine.weight import Weight
from batchyard.models.layers.later.attention import Attention
from batchyard.models.layers.registry import layers

__all__ = ["AdditiveAttention"]


@layers.register()
class AdditiveAttention(Attention):
    """Mixes values as `Attention` does, with the sum of scale * tanh(query + key) for scores.

    Args:
        use_scale: whether there is a learned factor for each of the tanh's.
        dropout: part of the weights that is dropped in training.
        **kwargs: `seed`, as of `Attention`, and those of every layer.

    Input shape:
        a list: query (batch, queries, size), value (batch, steps, size), and key (batch, steps, size), which
        is the value if not given

    Output shape:
        (batch, queries, size); with `return_attention_scores` a list with (batch, queries, steps) behind

    Source: Keras 3, `layers.AdditiveAttention`; Bahdanau et al. 2014.
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def _add_scale(self, size: int) -> Weight:
        return self.add_weight("scale", (size,), initializer="glorot_uniform")

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        summed = torch.tanh(query.unsqueeze(-2) + key.unsqueeze(-3))
        return (summed if self.scale is None else self.scale * summed).sum(-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config = super().get_config()
        del config["score_mode"]
        return config
