"""Cells on top of each other as one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Self

from torch import Tensor, nn

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.masking import accepts
from batchyard.models.engine.symbolic import to_list
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.registry import deserialize, layers

__all__ = ["StackedRNNCells"]


@layers.register()
class StackedRNNCells(Layer):
    """One cell made of several: each one's output is the next one's input.

    The states are listed from the first cell to the last.

    Args:
        cells: in the order of computation.
        **kwargs: of every layer; `reverse_state_order=True` lists the states from the last cell to the first,
            as Keras did before 2.2.

    Example:
        >>> StackedRNNCells([LSTMCell(3), GRUCell(2)]).state_size
        (3, 3, 2)

    Source: Keras 2.2.4, `layers.StackedRNNCells`.
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        for cell in cells:
            if not hasattr(cell, "call") or not hasattr(cell, "state_size"):
                raise InvalidArgumentError(
                    f"Each cell needs a method `call` and an attribute `state_size`. Received: {cell!r}."
                )
        self.reverse_state_order = bool(kwargs.pop("reverse_state_order", False))
        super().__init__(**kwargs)
        self.cells = list(cells)
        self._cell_modules = nn.ModuleList(cell for cell in self.cells if isinstance(cell, nn.Module))

    @property
    def state_size(self) -> tuple[int, ...]:
        """The sizes of all states, cell by cell."""
        sizes = [to_list(cell.state_size) for cell in self.cells]
        return tuple(size for own in self._in_order_of_states(sizes) for size in own)

    def _in_order_of_states(self, cells: list[Any]) -> list[Any]:
        """Returns what there is for each cell in the order in which the states are listed, or back again."""
        return cells[::-1] if self.reverse_state_order else cells

    @property
    def output_size(self) -> int:
        """The last cell's."""
        last = self.cells[-1]
        found = getattr(last, "output_size", None)
        return int(to_list(last.state_size)[0] if found is None else found)

    def _sublayers(self) -> list[Layer]:
        return [cell for cell in self.cells if isinstance(cell, Layer)]

    def build(self, input_shape: Any) -> None:
        """Builds each cell for the output of the one before."""
        shapes = list(input_shape) if isinstance(input_shape, list) else [input_shape]
        first, constants = shapes[0], shapes[1:]
        for cell in self.cells:
            if isinstance(cell, Layer):
                cell._build_for([first, *(constants if accepts(cell, "constants") else [])])
            size = getattr(cell, "output_size", None)
            first = (first[0], to_list(cell.state_size)[0] if size is None else size)

    def forget_masks(self) -> None:
        """Makes the cells draw new dropout masks: a new sequence begins."""
        for cell in self.cells:
            if hasattr(cell, "forget_masks"):
                cell.forget_masks()

    def call(
        self,
        inputs: Tensor,
        states: Sequence[Tensor],
        constants: Sequence[Tensor] | None = None,
        training: bool | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """Computes one step of each cell."""
        given = iter(states)
        counts = self._in_order_of_states([len(to_list(cell.state_size)) for cell in self.cells])
        old = self._in_order_of_states([list(islice(given, count)) for count in counts])
        new: list[Sequence[Tensor]] = []
        for cell, own in zip(self.cells, old, strict=True):
            arguments: dict[str, Any] = {}
            if constants and accepts(cell, "constants"):
                arguments["constants"] = constants
            if accepts(cell, "training"):
                arguments["training"] = training
            inputs, after = cell.call(inputs, own, **arguments)
            new.append(after)
        return inputs, [state for after in self._in_order_of_states(new) for state in after]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        cells = [{"class_name": type(cell).__name__, "config": cell.get_config()} for cell in self.cells]
        reverse = {"reverse_state_order": True} if self.reverse_state_order else {}
        return {**super().get_config(), "cells": cells, **reverse}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes a cell from what `get_config` returned.

        Args:
            config: the description.
            custom_objects: further classes that it may name.
        """
        given = dict(config)
        given["cells"] = [deserialize(cell, custom_objects) for cell in given["cells"]]
        return cls(**given)
