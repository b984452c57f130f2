"""How many numbers the weights of a model may have that a file describes.

A few bytes of configuration can ask for any amount of memory. While a model file is loaded, its layers
may make no more weights than the file holds, so what is allocated is bounded by what was sent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from batchyard.models.errors import ModelFileError

_FITTING = (
    "but the file holds fewer numbers than that. Expected a configuration that fits the weights beside it: "
    "the file is damaged."
)


class _Budget:
    def __init__(self, left: int, file: str, advice: str, work: float) -> None:
        self.left = left
        self.work = work
        self.file = file
        self.advice = advice


_budget: ContextVar[_Budget | None] = ContextVar("weight_budget", default=None)


@contextmanager
def weight_budget(numbers: int, file: str, advice: str = _FITTING, work: float = math.inf) -> Iterator[None]:
    """Let the layers that are built in this block have no more than so many numbers in their weights.

    Args:
        numbers: how many, in all weights together.
        file: whose they are, for the message.
        advice: what was expected, and what to do, for the message.
        work: how many operations on numbers the first values may take.
    """
    token = _budget.set(_Budget(numbers, file, advice, work))
    try:
        yield
    finally:
        _budget.reset(token)


def charge(shape: Sequence[int]) -> None:
    """Take a weight's numbers from the budget, if there is one; called before the weight is made.

    Raises:
        ModelFileError: where the budget is exceeded.
    """
    budget = _budget.get()
    if budget is None:
        return
    budget.left -= math.prod(shape)
    if budget.left < 0:
        raise ModelFileError(
            f"The model described in {budget.file} asks for a weight of the shape {tuple(shape)}, "
            f"{budget.advice}"
        )


def charge_work(operations: float, what: str) -> None:
    """Take what computing first values takes from the budget, if there is one; called before that is done.

    Args:
        operations: on numbers.
        what: is computed, for the message.

    Raises:
        ModelFileError: where the budget is exceeded.
    """
    budget = _budget.get()
    if budget is None:
        return
    budget.work -= operations
    if budget.work < 0:
        raise ModelFileError(
            f"The model described in {budget.file} asks for {what}, which takes too long for a text that "
            "nothing bears out. If the model is meant to be that large, and the text is yours: "
            "model_from_config(json.loads(text)); load_model computes no first values."
        )
