"""Gradients as nodes of a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from batchyard.models.engine.operation import Operation
from batchyard.models.engine.structure import Slot
from batchyard.models.engine.symbolic import Shape, SymbolicTensor, to_list

__all__ = ["symbolic_gradients"]


class Gradients(Operation):
    """An operation whose outputs have the shapes of what is differentiated by."""

    #: Tells `Function` to keep what gradients need.
    differentiates = True
    #: The loss, and what it is differentiated by.
    given: tuple[Any, list[Any]]

    def _symbolic_outputs(
        self,
        shapes: list[Shape],
        inputs: list[SymbolicTensor],
        arguments: dict[str, Any],
        captured: list[SymbolicTensor],
    ) -> list[SymbolicTensor]:
        variables = self.given[1]
        self._structure = [Slot(number) for number in range(len(variables))]
        return [
            SymbolicTensor(tuple(one.shape), one.dtype, f"{self.name}/output_{number}")
            for number, one in enumerate(variables)
        ]


def symbolic_gradients(function: Callable[..., Any], loss: Any, variables: Sequence[Any]) -> list[Any]:
    """Returns symbolic gradients.

    Args:
        function: computes gradients of tensors.
        loss: symbolic.
        variables: symbolic tensors and weights.
    """
    made = Gradients(function, (loss, list(variables)))
    made.given = (loss, list(variables))
    return list(made.rebuilt(to_list(made(made.symbolic_inputs))))
