"""Attention by several heads that share keys and values."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.later.multi_head_attention import MultiHeadAttention
from batchyard.models.layers.registry import layers

__all__ = ["GroupQueryAttention"]


@layers.register("GroupedQueryAttention")
class GroupQueryAttention(MultiHeadAttention):
    """Attends as `MultiHeadAttention` does; each head of keys and values serves several heads of queries.

    Args:
        head_dim: size of a head's queries, keys and values.
        num_query_heads: how many heads of queries there are.
        num_key_value_heads: how many heads of keys and values; divides that of queries.
        **kwargs: `dropout`, `use_bias`, `sliding_window`, `use_gate`, the initializers, regularizers and
            constraints of `MultiHeadAttention`, and those of every layer.

    Input shape:
        a list: query (batch, queries, size), value (batch, steps, size), key (the value if not given), and
        mask (batch, queries, steps), which is False where a query must not see a step

    Output shape:
        as the query's; with `return_attention_scores` a list with (batch, heads, queries, steps) behind

    Source: Keras 3, `layers.GroupQueryAttention`; Ainslie et al. 2023.
    """

    def __init__(self, head_dim: int, num_query_heads: int, num_key_value_heads: int, **kwargs: Any) -> None:
        super().__init__(num_query_heads, head_dim, **kwargs)
        self.num_key_value_heads = int(num_key_value_heads)
        if self.num_key_value_heads < 1 or self.num_heads % self.num_key_value_heads:
            raise InvalidArgumentError(
                f"num_query_heads of layer {self.name} must be a multiple of num_key_value_heads. Received: "
                f"{num_query_heads} and {num_key_value_heads}."
            )

    def _build_projections(self, query: Shape, value: Shape, key: Shape) -> None:
        self.query_dense = self._to_heads("query", query, self.num_heads, self.key_dim)
        self.key_dense = self._to_heads("key", key, self.num_key_value_heads, self.key_dim)
        if self.use_gate:
            self.gate_dense = self._to_heads("gate", query, self.num_heads, self.key_dim)
        self.value_dense = self._to_heads("value", value, self.num_key_value_heads, self.key_dim)
        self.output_dense = self._from_heads(query, self.num_heads)

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None, training: bool | None
    ) -> tuple[Tensor, Tensor]:
        times = self.num_heads // self.num_key_value_heads
        key, value = (torch.repeat_interleave(one, times, 2) for one in (key, value))
        return super()._attend(query, key, value, seen, training)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config = super().get_config()
        for key in ("num_heads", "key_dim", "value_dim", "output_shape", "attention_axes"):
            del config[key]
        return {
            **config,
            "head_dim": self.key_dim,
            "num_query_heads": self.num_heads,
            "num_key_value_heads": self.num_key_value_heads,
        }
