"""Computing parts of graphs: `function`, and gradients of symbolic tensors.

Source: Keras 2.2.4, `backend.function`, `backend.gradients`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batchyard.models.backend.inspection import to_array
from batchyard.models.backend.learning_phase import learning_phase, learning_phase_scope
from batchyard.models.backend.symbolic_call import as_tensor, holds_symbolic
from batchyard.models.engine.step_context import apply_moving_average, collecting
from batchyard.models.engine.symbolic import LEARNING_PHASE, Node, SymbolicTensor, to_list
from batchyard.models.errors import GraphError, InvalidArgumentError

if TYPE_CHECKING:
    from batchyard.models.engine.plan import Plan

__all__ = ["Function", "function", "gradients", "plan_for"]


class Function:
    """Computes symbolic tensors from others: called on a list of arrays, it returns a list of arrays.

    Args:
        inputs: what is fed: outputs of `Input` and of any layer, and `learning_phase()`.
        outputs: what is computed: symbolic tensors, and variables.
        updates: pairs of a variable and its new value, set after the outputs are computed; or results of
            `update` and its kind, or a model's `updates`. Without the latter, moving averages and the states
            of stateful layers stay as they are.
        name: accepted for Keras's sake.
        **session_kwargs: accepted for Keras's sake.

    Raises:
        GraphError: if an output needs an input that is not fed.
    """

    def __init__(
        self,
        inputs: Sequence[Any],
        outputs: Any,
        updates: Sequence[Any] | None = None,
        name: str | None = None,
        **session_kwargs: Any,
    ) -> None:
        if not isinstance(inputs, list | tuple):
            raise InvalidArgumentError(f"function needs a list of inputs. Received: {inputs!r}.")
        self.inputs = list(inputs)
        self.outputs = to_list(outputs)
        self.updates = list(updates or ())
        self.name = name
        self._fed = [tensor for tensor in self.inputs if isinstance(tensor, SymbolicTensor)]
        self._fed = [tensor for tensor in self._fed if tensor is not LEARNING_PHASE]
        values = [pair[1] if isinstance(pair, list | tuple) else pair for pair in self.updates]
        wanted = [t for t in (*self.outputs, *values) if isinstance(t, SymbolicTensor)]
        self._wanted = list({id(t): t for t in wanted if t is not LEARNING_PHASE}.values())
        nodes = _needed(self._wanted, self._fed)
        self._differentiates = any(hasattr(node.outbound_layer, "differentiates") for node in nodes)
        self._plan = _plan_of(nodes, self._fed, self._wanted)

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """Computes the outputs.

        Args:
            inputs: an array, a tensor, a number or a sparse matrix of scipy per input.
        """
        if not isinstance(inputs, list | tuple) or len(inputs) != len(self.inputs):
            raise InvalidArgumentError(
                f"The function needs a list of {len(self.inputs)} inputs. Received: {inputs!r:.100}."
            )
        fed: list[Tensor] = []
        training: bool | None = None
        for tensor, value in zip(self.inputs, inputs, strict=True):
            if tensor is LEARNING_PHASE:
                training = bool(value)
            elif isinstance(tensor, SymbolicTensor):
                dense = value.toarray() if hasattr(value, "tocoo") else value  # a sparse matrix of scipy
                given = as_tensor(dense).detach().to(tensor.dtype)
                fed.append(given.requires_grad_() if self._tracks(given) else given)
        with ExitStack() as stack, collecting() as told:
            told.defers_states = True  # what the layers tell is not applied here
            if training is not None or learning_phase() is None:
                stack.enter_context(learning_phase_scope(bool(training)))
            stack.enter_context(torch.set_grad_enabled(self._differentiates))
            found = dict(zip(map(id, self._wanted), self._plan.run(fed), strict=True))
        results = [
            to_array(found.get(id(output), learning_phase() if output is LEARNING_PHASE else output))
            for output in self.outputs
        ]
        for update in told.updates:
            if update.asked:
                apply_moving_average(update)
        for pair in self.updates:
            if isinstance(pair, list | tuple):
                variable, value = pair
                with torch.no_grad():
                    variable.copy_(as_tensor(found.get(id(value), value), like=variable))
        return results

    def _tracks(self, tensor: Tensor) -> bool:
        return self._differentiates and tensor.is_floating_point()


def function(inputs: Any, outputs: Any, updates: Any = None, **kwargs: Any) -> Function:
    """Returns a `Function`; see there."""
    return Function(inputs, outputs, updates, **kwargs)


def plan_for(fed: Sequence[SymbolicTensor], wanted: Sequence[SymbolicTensor]) -> Plan:
    """Returns the plan that computes symbolic tensors from others.

    Args:
        fed: what is given.
        wanted: what is computed.
    """
    return _plan_of(_needed(wanted, fed), list(fed), list(wanted))


def _plan_of(nodes: list[Node], fed: list[SymbolicTensor], wanted: list[SymbolicTensor]) -> Plan:
    from batchyard.models.engine.plan import Plan

    return Plan(nodes, fed, wanted)


def _needed(wanted: Sequence[SymbolicTensor], fed: Sequence[SymbolicTensor]) -> list[Node]:
    """Returns the nodes between what is fed and what is wanted, each after those that it needs."""
    known = set(map(id, fed))
    ordered: list[Node] = []
    done: set[Node] = set()
    for tensor in wanted:
        stack = [(tensor, False)]
        while stack:
            one, entered = stack.pop()
            if id(one) in known:
                continue
            history = one._keras_history
            node = history.layer._inbound_nodes[history.node_index]
            if entered:
                ordered.append(node)
            elif node not in done:
                if node.is_entry:
                    raise GraphError(f"The function needs {one!r}, which is not among its inputs.")
                done.add(node)
                stack.append((one, True))
                stack.extend((before, False) for before in reversed(node.sources))
    return ordered


def gradients(loss: Any, variables: Any) -> list[Any]:
    """Returns the gradients of a loss: tensors if it is one, symbolic tensors if it is symbolic.

    Where the loss does not depend on a variable the gradient is 0 (Keras: None).

    Args:
        loss: the sum of its numbers is differentiated.
        variables: tensors that it depends on: weights, inputs, outputs of layers. A list, or a single one.
    """
    sources = to_list(variables)
    fed = getattr(loss, "_fed_gradients", None)
    if fed is not None:  # the loss of a step that is recorded: its gradients are computed elsewhere
        if any(id(one) not in fed for one in sources):
            raise GraphError(
                "Within get_updates the loss can be differentiated by the weights that the method is given. "
                f"Received: {sources!r:.200}."
            )
        return [fed[id(one)] for one in sources]
    if not holds_symbolic(loss):
        return _gradients(loss, sources)
    from batchyard.models.backend.symbolic_gradients import symbolic_gradients

    return symbolic_gradients(_gradients, loss, sources)


def _gradients(loss: Tensor, variables: Sequence[Tensor]) -> list[Tensor]:
    tracked = [one for one in variables if one.requires_grad]
    if not tracked or not loss.requires_grad:
        return [torch.zeros_like(one) for one in variables]
    found = iter(
        torch.autograd.grad(loss.sum(), tracked, create_graph=True, allow_unused=True, materialize_grads=True)
    )
    return [next(found) if one.requires_grad else torch.zeros_like(one) for one in variables]
