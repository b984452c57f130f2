"""Attention by products of queries and keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import GraphError, InvalidArgumentError
from batchyard.models.layers.core.dropout import Dropout
from batchyard.models.layers.later.attention_masks import causal_mask, weights_of
from batchyard.models.layers.registry import layers

__all__ = ["Attention"]


@layers.register()
class Attention(Layer):
    """Mixes values, for each query by its scores with the keys: softmax(query · keys) · values.

    Steps that the value's mask leaves out get no weight; where the query's leaves steps out, the output is 0.

    Args:
        use_scale: whether the scores are multiplied by a learned number.
        score_mode: "dot" for products of query and key, "concat" for a learned number times the sum of
            tanh(query + key).
        dropout: part of the weights that is dropped in training.
        seed: accepted for Keras's sake; the numbers follow from the seed of `fit`.
        **kwargs: of every layer.

    Input shape:
        a list: query (batch, queries, size), value (batch, steps, size), and key (batch, steps, size), which
        is the value if not given

    Output shape:
        (batch, queries, size); with `return_attention_scores` a list with (batch, queries, steps) behind

    Example:
        >>> Attention()([torch.ones(1, 2, 3), torch.ones(1, 4, 3)]).shape
        torch.Size([1, 2, 3])

    Source: Keras 3, `layers.Attention`; Luong et al. 2015.
    """

    scale: Weight | None
    concat_score_weight: Weight | None

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        if score_mode not in ("dot", "concat"):
            raise InvalidArgumentError(f"score_mode must be 'dot' or 'concat'. Received: {score_mode!r}.")
        super().__init__(**kwargs)
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = float(dropout)
        self.seed = seed
        self._drop = Dropout(self.dropout, name="dropout")
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Makes the learned numbers."""
        self._drop.build(None)
        self._expect_inputs(input_shape)
        self.scale = self._add_scale(input_shape[0][-1]) if self.use_scale else None
        self.concat_score_weight = None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight("concat_score_weight", (), initializer="ones")
        super().build(input_shape)

    def _add_scale(self, size: int) -> Weight:
        return self.add_weight("scale", (), initializer="ones")

    def _expect_inputs(self, inputs: Any) -> None:
        if not isinstance(inputs, list) or len(inputs) not in (2, 3):
            raise GraphError(
                f"Layer {self.name} needs a list of inputs: [query, value] or [query, value, key]. Received: "
                f"{len(inputs) if isinstance(inputs, list) else 'no list'}."
            )

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Computes (batch, queries, steps)."""
        scale = 1.0 if self.scale is None else self.scale
        if self.concat_score_weight is None:
            return torch.matmul(query, key.transpose(-2, -1)) * scale
        summed = torch.tanh(scale * (query.unsqueeze(-2) + key.unsqueeze(-3)))
        return self.concat_score_weight * summed.sum(-1)

    def call(
        self,
        inputs: Sequence[Tensor],
        mask: Sequence[Tensor | None] | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Computes the output.

        Args:
            inputs: query, value, and key if it is another.
            mask: of each of them.
            training: whether weights are dropped.
            return_attention_scores: whether the weights are returned behind the output.
            use_causal_mask: whether a query sees only steps up to its own.
        """
        query, value, key = inputs[0], inputs[1], inputs[-1]
        of_query, of_value = (mask[0], mask[1]) if mask is not None else (None, None)
        scores = self._scores(query, key)
        seen = None if of_value is None else of_value.bool().unsqueeze(-2)
        if use_causal_mask:
            causal = causal_mask(scores.shape[-2], scores.shape[-1], scores.device)
            seen = causal if seen is None else seen & causal
        weights = weights_of(scores, seen, -1)
        dropped = self._drop.call(weights, self.is_training(training))
        output = torch.matmul(dropped, value)
        if of_query is not None:
            output = output * of_query.unsqueeze(-1).to(output.dtype)
        return [output, weights] if return_attention_scores else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the query's mask."""
        return mask[0] if isinstance(mask, list) else None

    def infer_masks(
        self, shapes: Sequence[Shape], masks: Sequence[Shape | None], count: int
    ) -> list[Shape | None]:
        """Returns the shape of the query's mask for the output; the weights have none."""
        return [masks[0], *[None] * (count - 1)]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "use_scale": self.use_scale,
            "score_mode": self.score_mode,
            "dropout": self.dropout,
            "seed": self.seed,
        }
