"""Numbers that an object owns and that `set_value` can change: `set_value(model.optimizer.lr, 0.1)`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from batchyard.models.backend.configuration import floatx
from batchyard.models.engine.symbolic import SymbolicTensor
from batchyard.models.errors import InvalidArgumentError

__all__ = ["HyperParameter", "get_value", "round_to_floatx", "set_value"]


class HyperParameter(float):
    """A float that remembers whose it is.

    Args:
        value: the number.
        owner: the object that has it.
        name: the attribute's name.
    """

    owner: Any
    name: str

    def __new__(cls, value: float, owner: Any, name: str) -> HyperParameter:
        """Makes the float, which cannot be changed later."""
        self = super().__new__(cls, value)
        self.owner = owner
        self.name = name
        return self

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)


def round_to_floatx(value: float) -> float:
    """Returns the number as the default float type holds it, so that a file gives back exactly the same."""
    return float(np.dtype(floatx()).type(value))


def get_value(x: Any) -> Any:
    """Returns the value of a weight (an array) or of a hyper-parameter (a float)."""
    if isinstance(x, Tensor):
        return x.detach().cpu().numpy().copy()
    if isinstance(x, SymbolicTensor):
        from batchyard.models.engine.recording import numbers_of

        found: NDArray[Any] = numbers_of(x).detach().cpu().numpy()
        return found
    return float(x) if isinstance(x, HyperParameter) else x


def set_value(x: Any, value: ArrayLike) -> None:
    """Changes a weight or a hyper-parameter in place."""
    if isinstance(x, HyperParameter):
        setattr(x.owner, x.name, float(np.asarray(value)))
    elif isinstance(x, Tensor):
        with torch.no_grad():
            x.copy_(torch.as_tensor(np.asarray(value)).to(x.dtype).reshape(x.shape))
    else:
        raise InvalidArgumentError(
            f"set_value needs a weight or a hyper-parameter such as model.optimizer.lr. Received: {x!r}."
        )
