"""Hyper-parameters of optimizers: attributes that are numbers, and that `backend.set_value` can change."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.configuration import epsilon, torch_dtype
from batchyard.models.backend.hyper_parameter import HyperParameter, round_to_floatx, set_value
from batchyard.models.engine.recording import is_recording
from batchyard.models.engine.symbolic import SymbolicTensor
from batchyard.models.engine.variable import Variable

__all__ = ["Hyper", "epsilon_or_default"]


class Hyper:
    """An attribute that is a hyper-parameter: a float rounded as the default float type holds it.

    It can be set as `optimizer.lr = 0.1` and by `backend.set_value(optimizer.lr, 0.1)`. In an optimizer that
    records its updates it is a variable, or whatever formula the optimizer has put there.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        held = owner._hyper.get(self._name)
        if held is None:
            raise AttributeError(
                f"{type(owner).__name__} has no {self._name!r}: its __init__ has not set it."
            )
        if isinstance(held, Tensor | SymbolicTensor):
            return held
        if is_recording():
            held = owner._hyper[self._name] = Variable.of(_number(held), False, f"{self._name}:0")
            return held
        return HyperParameter(held, owner, self._name)

    def __set__(self, owner: Any, value: Any) -> None:
        held = owner._hyper.get(self._name)
        if isinstance(value, Tensor | SymbolicTensor):
            owner._hyper[self._name] = value
        elif isinstance(held, Tensor) and not is_recording():
            set_value(held, value)
        else:
            owner._hyper[self._name] = round_to_floatx(float(value))


def epsilon_or_default(value: float | None) -> float:
    """Returns an optimizer's epsilon: the library's where none is given."""
    return epsilon() if value is None else float(value)


def _number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch_dtype(None))
