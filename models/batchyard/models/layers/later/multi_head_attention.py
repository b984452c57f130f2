"""Attention by several heads."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models import constraints, initializers, regularizers
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.errors import GraphError, InvalidArgumentError
from batchyard.models.layers.core.dropout import Dropout
from batchyard.models.layers.later.attention_masks import causal_mask, merged, weights_of
from batchyard.models.layers.later.einsum_dense import EinsumDense
from batchyard.models.layers.registry import layers

__all__ = ["MultiHeadAttention"]


@layers.register()
class MultiHeadAttention(Layer):
    """Projects query, key and value for several heads, lets each attend, and projects what they see together.

    A head's weights are softmax(query · key / sqrt(key_dim)).

    Args:
        num_heads: how many there are.
        key_dim: size of a head's queries and keys.
        value_dim: size of a head's values; key_dim if not given.
        dropout: part of the weights that is dropped in training.
        use_bias: whether the projections have biases.
        output_shape: sizes of the output's last axes; the query's last one if not given.
        attention_axes: along which steps are attended to; all between batch and last if not given.
        kernel_initializer: how the projections' kernels begin.
        bias_initializer: how their biases begin.
        kernel_regularizer: its penalty is added to the loss.
        bias_regularizer: its penalty is added to the loss.
        activity_regularizer: penalty on the projections, summed over the rows.
        kernel_constraint: holds after every update.
        bias_constraint: holds after every update.
        sliding_window: a query sees only steps that are nearer than so many; all by default.
        use_gate: whether what a head sees is multiplied by a sigmoid of the query.
        seed: accepted for Keras's sake; the numbers follow from the seed of `fit`.
        **kwargs: of every layer.

    Input shape:
        a list: query (batch, queries, size), value (batch, steps, size), key (the value if not given), and
        mask (batch, queries, steps), which is False where a query must not see a step

    Output shape:
        as the query's; with `return_attention_scores` a list with (batch, heads, queries, steps) behind

    Example:
        >>> x = torch.ones(1, 4, 6)
        >>> MultiHeadAttention(num_heads=2, key_dim=3)([x, x]).shape
        torch.Size([1, 4, 6])

    Source: Keras 3, `layers.MultiHeadAttention`; Vaswani et al. 2017.
    """

    #: What the inputs in the list are, for calls that name them.
    tensor_arguments = ("query", "value", "key", "attention_mask")

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        sliding_window: int | None = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = int(num_heads)
        self.key_dim = int(key_dim)
        self.value_dim = int(value_dim or key_dim)
        if min(self.num_heads, self.key_dim, self.value_dim) < 1:
            raise InvalidArgumentError(
                f"num_heads, key_dim and value_dim of layer {self.name} must be positive. Received: "
                f"{num_heads}, {key_dim}, {value_dim}."
            )
        self.dropout = float(dropout)
        self.use_bias = use_bias
        self.given_output_shape = (output_shape,) if isinstance(output_shape, int) else output_shape
        self.attention_axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        self.sliding_window = sliding_window
        self.use_gate = use_gate
        self.seed = seed
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.projections_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.supports_masking = True

    def _projection(self, name: str, equation: str, bias_axes: str, sizes: Sequence[Any]) -> EinsumDense:
        return EinsumDense(
            equation,
            sizes,
            bias_axes=bias_axes if self.use_bias else None,
            activation="sigmoid" if name == "gate" else None,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self.projections_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            name=name,
            dtype=self.dtype,
        )

    def _to_heads(self, name: str, shape: Shape, heads: int, size: int) -> EinsumDense:
        free = string.ascii_lowercase[: len(shape) - 1]
        equation = f"{free}x,xyz->{free}yz"
        found = self._projection(name, equation, "yz", [*[None] * (len(free) - 1), heads, size])
        found._build_for([shape])
        return found

    def _from_heads(self, shape: Shape, heads: int) -> EinsumDense:
        free = string.ascii_lowercase[: len(shape) - 1]
        sizes: list[Any] = list(self.given_output_shape or [])
        sizes = sizes or [shape[-1]]
        ends = string.ascii_uppercase[: len(sizes)]
        equation = f"{free}yz,yz{ends}->{free}{ends}"
        found = self._projection("attention_output", equation, ends, [*[None] * (len(free) - 1), *sizes])
        found._build_for([(*shape[:-1], heads, self.value_dim)])
        return found

    def build(self, input_shape: Any) -> None:
        """Makes the projections."""
        if not isinstance(input_shape, list) or not 2 <= len(input_shape) <= 4:
            raise GraphError(
                f"Layer {self.name} needs a list of inputs: query, value, then key and attention mask if "
                f"there are such. Received: {input_shape}."
            )
        query, value, key = input_shape[0], input_shape[1], input_shape[min(2, len(input_shape) - 1)]
        self._build_projections(query, value, key)
        if self.attention_axes is None:
            self.attention_axes = range(1, len(query) - 1)
        self.attention_axes = tuple(axis % len(query) for axis in self.attention_axes)
        self._dropout_layer = Dropout(self.dropout, name="dropout")
        self._dropout_layer.build(None)
        super().build(input_shape)

    def _build_projections(self, query: Shape, value: Shape, key: Shape) -> None:
        self.query_dense = self._to_heads("query", query, self.num_heads, self.key_dim)
        self.key_dense = self._to_heads("key", key, self.num_heads, self.key_dim)
        if self.use_gate:
            self.gate_dense = self._to_heads("gate", query, self.num_heads, self.value_dim)
        self.value_dense = self._to_heads("value", value, self.num_heads, self.value_dim)
        self.output_dense = self._from_heads(query, self.num_heads)

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
            inputs: query, value, key, attention mask.
            mask: of each of the first three; a step counts where all say so.
            training: whether weights are dropped.
            return_attention_scores: whether the weights are returned behind the output.
            use_causal_mask: whether a query sees only steps up to its own.
        """
        query, value, key = inputs[0], inputs[1], inputs[min(2, len(inputs) - 1)]
        seen = self._seen(query, value, mask, inputs[3] if len(inputs) > 3 else None, use_causal_mask)
        output, weights = self._attend(
            self.query_dense(query), self.key_dense(key), self.value_dense(value), seen, training
        )
        if self.use_gate:
            output = output * self.gate_dense(query)
        output = self.output_dense(output)
        return [output, weights] if return_attention_scores else output

    def _seen(
        self,
        query: Tensor,
        value: Tensor,
        mask: Sequence[Tensor | None] | None,
        attention_mask: Tensor | None,
        causal: bool,
    ) -> Tensor | None:
        """Returns where a query may see a step, as (batch, queries, steps); None if everywhere."""
        found: list[Tensor | None] = [attention_mask]
        if mask is not None:
            found.append(None if mask[0] is None else mask[0].unsqueeze(-1))
            found += [None if one is None else one.unsqueeze(-2) for one in mask[1:3]]
        queries, steps = query.shape[1], value.shape[1]
        if causal:
            found.append(causal_mask(queries, steps, query.device).unsqueeze(0))
        if self.sliding_window is not None:
            rows, columns = (torch.arange(count, device=query.device) for count in (queries, steps))
            near = (rows.unsqueeze(-1) - columns).abs() < self.sliding_window
            found.append(near.unsqueeze(0))
        return merged(found)

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None, training: bool | None
    ) -> tuple[Tensor, Tensor]:
        """Returns (batch, *rest, queries, heads, value_dim) and the weights (…, heads, *queries, *steps)."""
        axes = self.attention_axes
        assert axes is not None
        rest = [axis for axis in range(1, query.ndim - 2) if axis not in axes]
        order = [0, *rest, query.ndim - 2, *axes, query.ndim - 1]
        q, k, v = (one.permute(order) for one in (query, key, value))
        batch, places, steps = (
            q.shape[: len(rest) + 2],
            q.shape[-1 - len(axes) : -1],
            k.shape[-1 - len(axes) : -1],
        )
        q, k, v = (one.flatten(-1 - len(axes), -2) for one in (q, k, v))
        scores = torch.matmul(q / math.sqrt(self.key_dim), k.transpose(-2, -1))
        scores = scores.reshape(*batch, *places, *steps)
        if seen is not None:
            for _ in range(scores.ndim - seen.ndim):
                seen = seen.unsqueeze(-2 * len(axes) - 1)
        weights = weights_of(scores, seen, range(-len(axes), 0) if len(axes) > 1 else -1)
        dropped = self._dropout_layer.call(weights, self.is_training(training))
        flat = dropped.reshape(*batch, math.prod(places), math.prod(steps))
        output = torch.matmul(flat, v).reshape(*batch, *places, v.shape[-1])
        return output.permute([order.index(axis) for axis in range(len(order))]), weights

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
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "output_shape": self.given_output_shape,
            "attention_axes": self.attention_axes,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.projections_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "sliding_window": self.sliding_window,
            "use_gate": self.use_gate,
            "seed": self.seed,
        }
