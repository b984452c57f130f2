"""What a call of a layer does besides computing: found by a trial in training, on tensors without numbers."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.learning_phase import learning_phase_scope, noting_questions
from batchyard.models.engine.shape_inference import LARGER_SIZES, MOST_WITH_NUMBERS, TRIAL_SIZES
from batchyard.models.engine.step_context import collecting
from batchyard.models.engine.symbolic import Node, SymbolicTensor, unpack_singleton
from batchyard.models.errors import ShapeError
from batchyard.models.training.randomness import lane_scope

__all__ = ["Observation", "depends_on_phase", "observe"]

#: What open sizes are set to in the end, as some shapes fit one only: `Reshape((24,))` after (None, 6).
_OTHER_SIZES = range(3, 17)


@dataclass(frozen=True)
class Observation:
    """What one call tells in training.

    Attributes:
        asks_phase: whether it asked whether it is training or test.
        losses: shapes of the losses that it added: of its activity regularizer, and by `add_loss`.
        updates: shapes of the variables that it updates.
    """

    asks_phase: bool
    losses: tuple[tuple[int, ...], ...]
    updates: tuple[tuple[int, ...], ...]


def observe(node: Node) -> Observation:
    """Runs the call once, in training: on torch's meta device, with zeros on the CPU where that fails.

    Args:
        node: the call, of a built layer.

    Raises:
        ShapeError: if the layer cannot be run on either.
    """
    if node.is_entry:
        return Observation(False, (), ())
    try:
        return _run_on_either(node, TRIAL_SIZES[0])
    except (RuntimeError, NotImplementedError) as error:
        for size in (*(one for one, _ in LARGER_SIZES), *_OTHER_SIZES):
            with suppress(RuntimeError, NotImplementedError):
                return _run_on_either(node, size)
        raise ShapeError(
            f"Layer {node.outbound_layer.name} could not be run for inputs of the shapes "
            f"{node.input_shapes} to find out its losses and updates: {error}"
        ) from error


def _run_on_either(node: Node, size: int) -> Observation:
    try:
        return _run(node, "meta", size)
    except (RuntimeError, NotImplementedError):
        # An operator without a meta kernel, or one that looks at numbers.
        if size > MOST_WITH_NUMBERS:
            raise
        return _run(node, "cpu", size)


def _run(node: Node, device: str, size: int) -> Observation:
    layer = node.outbound_layer

    def zeros(tensor: Any) -> Tensor:
        sizes = [size if n is None else n for n in tensor.shape]
        return torch.zeros(sizes, dtype=tensor.dtype, device=device)

    inputs, arguments = node.filled([zeros(tensor) for tensor in node.sources])
    weights = {name: weight.detach().to(device) for name, weight in layer.named_parameters()}
    with (
        torch.no_grad(),
        learning_phase_scope(True),
        noting_questions() as questions,
        lane_scope(0, 0, 0, 0),
        collecting() as context,
    ):
        context.defers_states = True
        torch.func.functional_call(layer, weights, (unpack_singleton(inputs),), arguments)
    return Observation(
        bool(questions),
        tuple(tuple(loss.shape) for loss in (*context.activity_losses, *context.batch_losses)),
        tuple(tuple(update.variable.shape) for update in context.updates),
    )


def depends_on_phase(tensor: SymbolicTensor) -> bool:
    """Whether a symbolic tensor's numbers differ between training and test: one of its calls asks."""
    waiting, seen = [tensor], set()
    while waiting:
        history = waiting.pop()._keras_history
        node = history.layer._inbound_nodes[history.node_index]
        if node not in seen:
            seen.add(node)
            if node.observed.asks_phase:
                return True
            waiting += node.sources
    return False
