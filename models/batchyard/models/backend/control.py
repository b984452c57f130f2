"""Choices, loops over tensors, changes of variables, the learning phase.

Source: Keras 2.2.4, `backend`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.backend.learning_phase import learning_phase as known_phase
from batchyard.models.backend.symbolic_call import as_tensor, holds_symbolic, operation
from batchyard.models.engine.recording import holds_weight, records
from batchyard.models.engine.step_context import MovingAverageUpdate, apply_moving_average, current_step
from batchyard.models.engine.symbolic import LEARNING_PHASE, SymbolicTensor

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
    known = not holds_symbolic(condition) and not (holds_weight(condition) and records())
    if known and as_tensor(condition).ndim == 0:
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


# Variables. In scripts, and with symbolic values, the change is a formula: it is made when that is computed,
# as by `function(updates=…)`. Within a layer's call it belongs to the training step: prediction and
# evaluation change nothing. Where else numbers are computed, as in a metric, it is made at once.


def update(x: Tensor, new_x: Any) -> Any:
    """Sets a variable to a new value, and returns that."""
    return _changed(_set, x, new_x)


def update_add(x: Tensor, increment: Any) -> Any:
    """Adds to a variable, and returns the sum."""
    return _changed(_add, x, increment)


def update_sub(x: Tensor, decrement: Any) -> Any:
    """Subtracts from a variable, and returns the difference."""
    return _changed(_subtract, x, decrement)


def moving_average_update(x: Tensor, value: Any, momentum: float) -> Any:
    """Sets a variable to momentum * itself + (1 - momentum) * value, and returns that."""
    return _changed(_average, x, value, momentum)


def _changed(change: Callable[..., Tensor], x: Any, *args: Any) -> Any:
    if isinstance(x, SymbolicTensor) and (known := getattr(x, "_stands_for", None)) is not None:
        x = known
    if records():
        from batchyard.models.engine.operation import apply_symbolically, record

        asked = partial(change, asked=True)
        asked.__name__ = change.__name__  # type: ignore[attr-defined]
        made = (apply_symbolically if holds_symbolic(args) else record)(asked, (x, *args))
        made._changes = x
        return made
    return operation(change)(x, *args)


def _set(x: Tensor, new_x: Any, asked: bool = False) -> Tensor:
    value = as_tensor(new_x, like=x)
    return _assign(MovingAverageUpdate(x, value.detach(), 0.0, asked=asked), value)


def _add(x: Tensor, increment: Any, asked: bool = False) -> Tensor:
    value = as_tensor(increment, like=x)
    return _assign(MovingAverageUpdate(x, value.detach(), 0.0, adds=True, asked=asked), x.detach() + value)


def _subtract(x: Tensor, decrement: Any, asked: bool = False) -> Tensor:
    return _add(x, -as_tensor(decrement, like=x), asked)


def _average(x: Tensor, value: Any, momentum: float, asked: bool = False) -> Tensor:
    batch = as_tensor(value, like=x)
    new = x.detach() * momentum + batch * (1.0 - momentum)
    return _assign(MovingAverageUpdate(x, batch.detach(), momentum, asked=asked), new)


def _assign(told: MovingAverageUpdate, value: Tensor) -> Tensor:
    """Changes a variable; while a graph is computed the change is told, and made once all is computed.

    Args:
        told: the change.
        value: the variable's value after it.
    """
    context = current_step()
    if context is not None:
        context.updates.append(told)
        return value
    if value.is_meta:
        return value  # a trial that finds shapes
    apply_moving_average(told)
    return told.variable


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
