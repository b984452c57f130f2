"""Choices, loops over tensors, changes of variables, the learning phase.

Source: Keras 2.2.4, `backend`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.backend.learning_phase import learning_phase as known_phase
from batchyard.models.backend.symbolic_call import as_tensor, holds_symbolic, operation
from batchyard.models.engine.step_context import MovingAverageUpdate, current_step
from batchyard.models.engine.symbolic import LEARNING_PHASE

__all__ = [
    "foldl",
    "foldr",
    "in_test_phase",
    "in_train_phase",
    "learning_phase",
    "map_fn",
    "moving_average_update",
    "name_scope",
    "stop_gradient",
    "switch",
    "update",
    "update_add",
    "update_sub",
]


def learning_phase() -> Any:
    """Returns 1 in training, 0 in test.

    Where neither is decided it is a symbolic tensor, to be fed to `function`.
    """
    known = known_phase()
    return LEARNING_PHASE if known is None else int(known)


def _value(x: Any) -> Any:
    return x() if callable(x) else x


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """Returns x in training, alt in test.

    Args:
        x: tensor, or a function that returns one.
        alt: likewise.
        training: True or False to decide; by the learning phase by default, which is test if undecided.
    """
    if training is None:
        training = learning_phase()
    if training is LEARNING_PHASE:
        first, second = _value(x), _value(alt)
        if holds_symbolic((first, second)):
            return _in_phase(first, second, LEARNING_PHASE)
        return second
    if isinstance(training, Tensor) or holds_symbolic(training):
        return switch(training, x, alt)
    return _value(x) if training else _value(alt)


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """Returns x in test, alt in training; see `in_train_phase`."""
    return in_train_phase(alt, x, training)


@operation
def _in_phase(x: Any, alt: Any, training: Any) -> Any:
    return x if training else alt


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """Returns one of two tensors, or of each of their elements.

    Args:
        condition: a single truth value, or one per element or per row.
        then_expression: tensor, or a function that returns one.
        else_expression: likewise.
    """
    if not holds_symbolic(condition) and as_tensor(condition).ndim == 0:
        return _value(then_expression) if bool(condition) else _value(else_expression)
    return _switch(condition, _value(then_expression), _value(else_expression))


@operation
def _switch(condition: Any, then_expression: Any, else_expression: Any) -> Tensor:
    first = as_tensor(then_expression)
    chosen = as_tensor(condition).to(torch.bool)
    second = as_tensor(else_expression, like=first)
    while 0 < chosen.ndim < first.ndim:
        chosen = chosen.unsqueeze(-1)
    return torch.where(chosen, first, second)


# Loops.


def _parts(elems: Any) -> list[Any]:
    if isinstance(elems, list | tuple):
        return list(zip(*[as_tensor(one).unbind(0) for one in elems], strict=True))
    return list(as_tensor(elems).unbind(0))


@operation
def map_fn(fn: Callable[[Any], Any], elems: Any, name: str | None = None, dtype: Any = None) -> Tensor:
    """Returns the function of each slice along the first axis, stacked."""
    result = torch.stack([as_tensor(fn(part)) for part in _parts(elems)])
    return result if dtype is None else result.to(torch_dtype(dtype))


@operation
def foldl(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """Returns fn(… fn(fn(initializer, first), second) …, last) over slices along the first axis."""
    return _fold(fn, _parts(elems), initializer)


@operation
def foldr(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """Returns fn(… fn(fn(initializer, last), last but one) …, first) over slices along the first axis."""
    return _fold(fn, _parts(elems)[::-1], initializer)


def _fold(fn: Callable[[Any, Any], Any], parts: list[Any], initializer: Any) -> Any:
    result = parts.pop(0) if initializer is None else initializer
    for part in parts:
        result = fn(result, part)
    return result


# Variables. With symbolic values the change is made when the result is computed, as by `function(updates=…)`.
# Within a layer's call it belongs to the training step: prediction and evaluation change nothing.


@operation
def update(x: Tensor, new_x: Any) -> Tensor:
    """Sets a variable to a new value, and returns it."""
    return _assign(x, as_tensor(new_x, like=x))


@operation
def update_add(x: Tensor, increment: Any) -> Tensor:
    """Adds to a variable, and returns it."""
    return _assign(x, x.detach() + as_tensor(increment, like=x))


@operation
def update_sub(x: Tensor, decrement: Any) -> Tensor:
    """Subtracts from a variable, and returns it."""
    return _assign(x, x.detach() - as_tensor(decrement, like=x))


@operation
def moving_average_update(x: Tensor, value: Any, momentum: float) -> Tensor:
    """Sets a variable to momentum * itself + (1 - momentum) * value, and returns it."""
    batch = as_tensor(value, like=x)
    new = x.detach() * momentum + batch * (1.0 - momentum)
    return _assign(x, new, MovingAverageUpdate(x, batch.detach(), momentum))


def _assign(x: Tensor, value: Tensor, told: MovingAverageUpdate | None = None) -> Tensor:
    """Sets a variable; within a layer's call the change is told, and made when the training step is applied.

    Args:
        x: the variable.
        value: the new one.
        told: how the change is told, if it is not simply a new value.
    """
    context = current_step()
    if context is not None:
        context.updates.append(told or MovingAverageUpdate(x, value.detach(), 0.0))
        return value
    if value.is_meta:
        return value  # a trial that finds shapes
    with torch.no_grad():
        x.copy_(value.reshape(x.shape))
    return x


@operation
def stop_gradient(variables: Any) -> Any:
    """Returns the same numbers, through which no gradient flows."""
    if isinstance(variables, list | tuple):
        return [as_tensor(one).detach() for one in variables]
    return as_tensor(variables).detach()


@contextmanager
def name_scope(name: str, default_name: str | None = None, values: Any = None) -> Iterator[str]:
    """Is accepted for Keras's sake: torch's operations have no names."""
    yield name
