"""Random tensors.

Without a seed they are drawn as layers draw: within `fit` from the lane's generator. With one they are the
same in every call. In scripts a call is recorded, as in Keras 2: whenever its result is computed, other
numbers are drawn; with a seed they come from a stream that begins with it.

Source: Keras 2.2.4, `backend`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec

import torch
from torch import Generator, Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.backend.symbolic_call import as_sizes, holds_symbolic, operation
from batchyard.models.engine.recording import records

__all__ = ["generator_for", "random_binomial", "random_normal", "random_uniform", "truncated_normal"]

P = ParamSpec("P")


class _Stream:
    """Numbers that go on from call to call.

    Args:
        seed: with which they begin.
    """

    def __init__(self, seed: int) -> None:
        self.generator = Generator().manual_seed(int(seed))


def _drawn(function: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Decorates a function that draws: it is recorded where functions of variables are."""
    plain = operation(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        if holds_symbolic((args, kwargs)) or not records():
            return plain(*args, **kwargs)
        from batchyard.models.engine.operation import record

        given = signature(function).bind(*args, **kwargs)
        if given.arguments.get("seed") is not None:
            given.arguments["seed"] = _Stream(given.arguments["seed"])
        return record(function, given.args, given.kwargs)  # type: ignore[no-any-return]

    return call


def generator_for(seed: int | _Stream | None, device: Any = "cpu") -> Generator | None:
    """Returns a generator begun by a seed, or that of the lane or of torch for None."""
    if isinstance(seed, _Stream):
        return seed.generator
    if seed is not None:
        return Generator(device=device).manual_seed(int(seed))
    from batchyard.models.training.randomness import current_generator

    return current_generator(device)


@_drawn
def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Tensor:
    """Returns normally distributed numbers."""
    numbers = torch.randn(as_sizes(shape), generator=generator_for(seed))
    return (numbers * stddev + mean).to(torch_dtype(dtype))


@_drawn
def random_uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Tensor:
    """Returns evenly distributed numbers from minval to below maxval."""
    kind = torch_dtype(dtype)
    if not kind.is_floating_point:
        return torch.randint(
            int(minval), int(maxval), as_sizes(shape), generator=generator_for(seed), dtype=kind
        )
    numbers = torch.rand(as_sizes(shape), generator=generator_for(seed))
    return (numbers * (maxval - minval) + minval).to(kind)


@_drawn
def random_binomial(shape: Any, p: float = 0.0, dtype: Any = None, seed: int | None = None) -> Tensor:
    """Returns ones with probability p, else zeros."""
    return (torch.rand(as_sizes(shape), generator=generator_for(seed)) < p).to(torch_dtype(dtype))


@_drawn
def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Tensor:
    """Returns normally distributed numbers, drawn again where further than two deviations from the mean."""
    numbers = torch.empty(as_sizes(shape))
    torch.nn.init.trunc_normal_(numbers, 0.0, 1.0, -2.0, 2.0, generator=generator_for(seed))
    return (numbers * stddev + mean).to(torch_dtype(dtype))
