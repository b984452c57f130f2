"""What layers add to a model besides outputs: losses of their own, and changes of variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from batchyard.models.engine.recording import computing
from batchyard.models.engine.step_context import (
    MovingAverageUpdate,
    apply_moving_average,
    current_step,
)
from batchyard.models.engine.symbolic import Node, SymbolicTensor, to_list

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer

__all__ = ["LossesAndUpdates", "Recorded"]


class Recorded:
    """What `add_loss` or `add_update` was given outside of a call.

    Args:
        value: a tensor, symbolic or not, a function without arguments, a number; of updates also a pair of a
            variable and its new value.
        inputs: what it depends on; None if on no input.
    """

    def __init__(self, value: Any, inputs: Any) -> None:
        self.value = value
        self.inputs = None if inputs is None else to_list(inputs)

    def depends_on(self, inputs: Sequence[Any] | None) -> bool:
        """Whether it depends on just these inputs; None asks for what depends on none."""
        if inputs is None or self.inputs is None:
            return inputs is None and self.inputs is None
        return list(map(id, inputs)) == list(map(id, self.inputs))


class LossesAndUpdates:
    """The part of a layer that deals with losses and updates; it relies on the rest of `Layer`."""

    _losses: list[Recorded]
    _updates: list[Recorded]

    @property
    def _layer(self) -> Layer:
        return cast("Layer", self)

    # Adding.

    def add_loss(self, losses: Any, inputs: Any = None) -> None:
        """Adds to the loss that training minimizes.

        Within `call`, pass tensors that depend on the batch (means over its rows). Elsewhere, pass functions
        without arguments, tensors or numbers that depend on weights only; or, before `compile`, symbolic
        tensors of the model's graph: they are computed with each batch, and their mean is added.

        Args:
            losses: one or a list.
            inputs: what the losses depend on; only `get_losses_for` asks.
        """
        context = current_step()
        for loss in to_list(losses):
            if context is not None:
                value = loss() if _is_function(loss) else loss
                context.batch_losses.append(torch.as_tensor(value))
            elif not isinstance(loss, Tensor) or inputs is None:
                # A batch's loss told outside of training is nobody's.
                self._losses.append(Recorded(loss, inputs))

    def add_update(self, updates: Any, inputs: Any = None) -> None:
        """Adds changes of variables that are made with each training step.

        Within `call`, pass pairs of a variable and its new value; what `backend.update`, `update_add`,
        `update_sub` and `moving_average_update` return is accepted too, as these tell by themselves. With
        several lanes the mean of the lanes' new values counts, weighted by rows. Elsewhere, and before
        `compile`, pass symbolic tensors that `backend.update` and its kind returned, or pairs with such.

        Args:
            updates: one or a list.
            inputs: what the updates depend on; only `get_updates_for` asks.
        """
        single = isinstance(updates, tuple) and len(updates) == 2 and isinstance(updates[0], Tensor)
        for update in [updates] if single else to_list(updates):
            pair = isinstance(update, tuple | list)
            if pair and isinstance(update[1], Tensor):
                self.add_moving_average_update(update[0], update[1], momentum=0.0)
            elif not isinstance(update, Tensor):
                self._updates.append(Recorded(_as_update(*update) if pair else update, inputs))

    def add_moving_average_update(self, variable: Tensor, value: Tensor, momentum: float) -> None:
        """Folds a batch value into a moving average once the step is applied; at once where there is no step.

        Args:
            variable: a weight that is not trainable, or another variable.
            value: the batch's value; over the lanes of a step its mean is taken, weighted by rows.
            momentum: new = momentum * old + (1 - momentum) * value.
        """
        context = current_step()
        update = MovingAverageUpdate(variable, value.detach(), momentum)
        if context is None:
            apply_moving_average(update)
        else:
            context.updates.append(update)

    # What there is.

    def _with_inner_layers(self, seen: set[int] | None = None) -> Iterator[Layer]:
        """Gives this layer and all within, each once."""
        seen = set() if seen is None else seen
        if id(self) not in seen:
            seen.add(id(self))
            yield self._layer
            for layer in self._layer._sublayers():
                yield from layer._with_inner_layers(seen)

    def _calls(self) -> list[Node]:
        """Returns the calls that may tell losses and updates."""
        return [node for node in self._layer._inbound_nodes if node.linked]

    @property
    def penalties(self) -> list[Any]:
        """The losses that depend on weights only, computed now: regularizers (of frozen weights too), others.

        Each layer and each weight counts once, however often it is used.
        """
        with computing():
            return self._computed_penalties()

    def _computed_penalties(self) -> list[Any]:
        counted: set[int] = set()
        found: list[Any] = []
        for layer in self._with_inner_layers():
            for weight in layer._own_weights():
                if weight.regularizer is not None and id(weight) not in counted:
                    counted.add(id(weight))
                    found.append(weight.regularizer(weight))
            for one in layer._losses:
                if one.inputs is None and not isinstance(one.value, SymbolicTensor):
                    found.append(one.value() if _is_function(one.value) else one.value)
        return found

    def _is_of_this_graph(self, layer: Layer, value: Any) -> bool:
        """Whether what a layer within was given belongs to this one."""
        return True

    def _recorded(self, kind: str, inputs: Sequence[Any] | None, any_inputs: bool = False) -> list[Any]:
        return [
            one.value
            for layer in self._with_inner_layers()
            for one in getattr(layer, kind)
            if (any_inputs or one.depends_on(inputs)) and self._is_of_this_graph(layer, one.value)
        ]

    @property
    def losses(self) -> list[Any]:
        """All losses: the `penalties`, and symbolic tensors for those that depend on a batch.

        The latter are of activity regularizers, of `add_loss` within `call`, and what `add_loss` was given.
        """
        depending = [
            one.value
            for layer in self._with_inner_layers()
            for one in layer._losses
            if (one.inputs is not None or isinstance(one.value, SymbolicTensor))
            and self._is_of_this_graph(layer, one.value)
        ]
        return [*self.penalties, *depending, *(loss for node in self._calls() for loss in node.losses)]

    @property
    def updates(self) -> list[Any]:
        """The changes of variables by a training step, as symbolic tensors; none of a frozen layer."""
        if not self._layer.trainable and not self._layer.stateful:
            return []
        told = [
            update
            for node in self._calls()
            if node.outbound_layer is self or node.outbound_layer.trainable
            for update in node.updates
        ]
        return [*self._recorded("_updates", None, any_inputs=True), *told]

    def get_losses_for(self, inputs: Any) -> list[Any]:
        """Returns the losses that depend on certain inputs; for None those that depend on none.

        Args:
            inputs: a symbolic tensor, a list of them, or None.
        """
        if inputs is None:
            return self.penalties
        wanted = to_list(inputs)
        told = [loss for node in self._calls_on(wanted) for loss in node.losses]
        return [*self._recorded("_losses", wanted), *told]

    def get_updates_for(self, inputs: Any) -> list[Any]:
        """Returns the updates that depend on certain inputs; for None those that depend on none.

        Args:
            inputs: a symbolic tensor, a list of them, or None.
        """
        if inputs is None:
            return self._recorded("_updates", None)
        wanted = to_list(inputs)
        told = [update for node in self._calls_on(wanted) for update in node.updates]
        return [*self._recorded("_updates", wanted), *told]

    def _calls_on(self, inputs: list[Any]) -> list[Node]:
        wanted = list(map(id, inputs))
        return [
            node
            for node in self._calls()
            if [id(getattr(one, "_stands_for", one)) for one in node.input_tensors] == wanted
        ]


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, Tensor | SymbolicTensor)


def _as_update(variable: Tensor, value: Any) -> Any:
    from batchyard.models.backend.control import update

    return update(variable, value)
