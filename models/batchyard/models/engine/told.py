"""Losses and updates that a call tells, as symbolic tensors: for looking at them, and for `backend.function`.

Training does not use these: it takes what the calls tell while it computes the outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.backend.learning_phase import learning_phase_scope
from batchyard.models.backend.names import get_uid
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.step_context import StepContext, apply_moving_average, collecting
from batchyard.models.engine.symbolic import Node, SymbolicTensor, to_list, unpack_singleton

__all__ = ["told_losses", "told_updates"]


class _Told(Layer):
    """Runs a call again, and returns what it tells.

    Args:
        node: the call.
        what: for names.
        shapes: of what it tells.
    """

    def __init__(self, node: Node, what: str, shapes: Sequence[tuple[int, ...]]) -> None:
        super().__init__(name=f"op_{what}_{get_uid(f'op_{what}')}", trainable=False)
        self.node = [node]  # in a list: torch must not take the call's layer for a part of this one
        self.shapes = [tuple(shape) for shape in shapes]
        self.dtype = node.outbound_layer.dtype
        self.built = True

    def _run(self, inputs: Any) -> StepContext:
        (node,) = self.node
        given, arguments = node.filled(to_list(inputs))
        with collecting() as context:
            context.defers_states = True
            node.outbound_layer(unpack_singleton(given), **arguments)
        return context

    def _symbolic_outputs(self, *args: Any) -> list[SymbolicTensor]:
        dtype = torch_dtype(self.dtype)
        return [SymbolicTensor(shape, dtype, f"{self.name}/{n}") for n, shape in enumerate(self.shapes)]

    def infer_masks(self, shapes: Any, masks: Any, count: int) -> list[Any]:
        """Returns no masks: what a call tells has none."""
        return [None] * count

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Returns None: what a call tells has no mask."""
        return


class _Losses(_Told):
    def call(self, inputs: Any) -> Any:
        context = self._run(inputs)
        return unpack_singleton([*context.activity_losses, *context.batch_losses])


class _Updates(_Told):
    def call(self, inputs: Any) -> Any:
        with learning_phase_scope(True):
            context = self._run(inputs)
        found: list[Tensor] = []
        for update in context.updates:
            apply_moving_average(update)
            found.append(update.variable.detach())
        return unpack_singleton(found)


def told_losses(node: Node) -> list[SymbolicTensor]:
    """Returns the losses that a call tells, as symbolic tensors."""
    shapes = node.observed.losses
    return to_list(_Losses(node, "losses", shapes)(list(node.sources))) if shapes else []


def told_updates(node: Node) -> list[SymbolicTensor]:
    """Returns the new values of what a call updates; whoever computes them updates it."""
    shapes = node.observed.updates
    return to_list(_Updates(node, "updates", shapes)(list(node.sources))) if shapes else []
