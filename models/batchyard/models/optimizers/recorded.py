"""Optimizers that define `get_updates` or `get_gradients` themselves, as scripts of Keras 2's time do.

Such a method is called once, with symbolic gradients. What it returns is a graph from the gradients to the
new values of weights and of the optimizer's own variables; each step computes that graph. All new values are
computed from the old ones; then the variables are changed, in the order of the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batchyard.models.backend.functions import plan_for
from batchyard.models.backend.learning_phase import learning_phase_scope
from batchyard.models.engine.operation import Operation
from batchyard.models.engine.recording import recording
from batchyard.models.engine.step_context import apply_moving_average, collecting
from batchyard.models.engine.structure import Slot
from batchyard.models.engine.symbolic import Shape, SymbolicTensor, to_list
from batchyard.models.engine.variable import Variable
from batchyard.models.errors import InvalidTypeError

if TYPE_CHECKING:
    from batchyard.models.optimizers.optimizer import Optimizer

__all__ = ["RecordedUpdates", "updates_by_graph"]


class RecordedUpdates:
    """What an optimizer's `get_updates` has returned, ready to be computed step by step.

    Args:
        optimizer: whose method is called.
        params: the weights.

    Attributes:
        variables: what the updates change besides the weights, and what the optimizer says that its state is.

    Raises:
        InvalidTypeError: if the method returns no list of updates.
    """

    def __init__(self, optimizer: Optimizer, params: Sequence[Tensor]) -> None:
        from batchyard.models import backend

        self._params = list(params)
        self._stand_ins = [_stand_in(param) for param in params]
        with recording():
            self._gradients = [
                backend.placeholder(tuple(p.shape), dtype=backend.dtype(p), name=f"gradient_{number}")
                for number, p in enumerate(params)
            ]
            loss = backend.placeholder((), name="loss")
            loss._fed_gradients = dict(zip(map(id, self._stand_ins), self._gradients, strict=True))
            returned = optimizer.get_updates(loss, list(self._stand_ins))
            if not isinstance(returned, list | tuple):
                raise InvalidTypeError(
                    f"{type(optimizer).__name__}.get_updates must return a list of updates, as "
                    f"backend.update gives them, or of pairs (variable, new value). Received: {returned!r}."
                )
            updates = [backend.update(*one) if isinstance(one, tuple | list) else one for one in returned]
        wanted = [one for one in updates if isinstance(one, SymbolicTensor)]
        self._plan = plan_for(self._gradients, wanted)
        weights = set(map(id, self._stand_ins))
        changed = [getattr(one, "_changes", None) for one in wanted]
        state = [v for v in (*optimizer.weights, *changed) if isinstance(v, Tensor) and id(v) not in weights]
        self.variables: list[Tensor] = list({id(v): v for v in state}.values())
        self._follow()

    def _follow(self) -> None:
        """Lets the stand-ins share the weights' memory, and has all on one device, wherever the model is."""
        for param, stand_in in zip(self._params, self._stand_ins, strict=True):
            if stand_in.data_ptr() != param.data_ptr():
                stand_in.data = param.data
        for variable in self.variables:
            if self._params and variable.device != self._params[0].device:
                variable.data = variable.data.to(self._params[0].device)

    def make(self, grads: Sequence[Tensor]) -> None:
        """Makes one step.

        Args:
            grads: one per weight.
        """
        self._follow()
        with torch.no_grad(), learning_phase_scope(True), collecting() as told:
            self._plan.run(list(grads))
        for update in told.updates:
            apply_moving_average(update)

    def are_of(self, params: Sequence[Tensor]) -> bool:
        """Whether these are the weights."""
        return list(map(id, params)) == list(map(id, self._params))


def _stand_in(param: Any) -> Variable:
    """Returns a variable that is a weight by another name: operators on it are recorded."""
    found = Variable.of(param.detach(), True, getattr(param, "keras_name", "weight:0"))
    found.regularizer = getattr(param, "regularizer", None)
    found.constraint = getattr(param, "constraint", None)
    return found


class _Step(Operation):
    """An update of one of the library's optimizers, as a function of gradients and hyper-parameters."""

    #: Of whose shapes the outputs are.
    like: Sequence[Tensor]

    def _symbolic_outputs(
        self,
        shapes: list[Shape],
        inputs: list[SymbolicTensor],
        arguments: dict[str, Any],
        captured: list[SymbolicTensor],
    ) -> list[SymbolicTensor]:
        self._structure = [Slot(number) for number in range(len(self.like))]
        return [
            SymbolicTensor(tuple(one.shape), one.dtype, f"{self.name}/output_{number}")
            for number, one in enumerate(self.like)
        ]


def updates_by_graph(optimizer: Optimizer, loss: Any, params: Sequence[Any]) -> list[Any]:
    """Returns the updates of one of the library's optimizers, for another one that goes on with them.

    They come in Keras's order: that of `iterations`, then the slots' and the weights'.

    Args:
        optimizer: whose hyper-parameters may be symbolic, and whose `get_gradients` may be replaced.
        loss: symbolic.
        params: the weights.
    """
    from batchyard.models import backend

    optimizer.make_slots(params)
    slots = optimizer.slots
    hypers = {name: getattr(optimizer, name) for name in optimizer.hyper_names}

    def step(grads: list[Tensor], hypers: dict[str, Any], iterations: Tensor) -> list[Tensor]:
        weights = [param.detach().clone() for param in params]
        state = optimizer.update_apart(
            weights,
            [torch.as_tensor(grad).clone() for grad in grads],
            {name: float(value) for name, value in hypers.items()},
            int(iterations),
        )
        constraints = [getattr(param, "constraint", None) for param in params]
        held = [w if c is None else c(w) for c, w in zip(constraints, weights, strict=True)]
        return [*state, *held]

    made = _Step(step, (optimizer.get_gradients(loss, params), hypers, optimizer.iterations))
    made.like = [*slots, *params]
    values = made.rebuilt(to_list(made(made.symbolic_inputs)))
    changes = [backend.update(one, value) for one, value in zip(made.like, values, strict=True)]
    return [backend.update_add(optimizer.iterations, 1), *changes]
