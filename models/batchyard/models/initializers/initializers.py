"""How weights begin. Without a seed of their own they draw from torch's global generator.

Source: Keras 2.2.4, `initializers`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Generator, Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.initializers.replaced_values import are_replaced
from batchyard.models.registry import Registry
from batchyard.models.saving.weight_budget import charge_work

__all__ = [
    "Constant",
    "Identity",
    "Initializer",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "initializers",
    "lecun_normal",
    "lecun_uniform",
]

initializers = Registry("initializer")

#: Standard deviation of a standard normal cut at two deviations.
_TRUNCATED_DEVIATION = 0.87962566103423978


class Initializer:
    """Makes the first value of a weight of a given shape."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Returns a tensor of that shape."""
        raise TypeError(f"{type(self).__name__} has no __call__(shape, dtype=None): give it one.")

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes an initializer from what `get_config` returned."""
        return cls(**{key: value for key, value in config.items() if key != "dtype"})


@initializers.register("zeros", "zero")
class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Returns zeros."""
        return torch.zeros(tuple(shape), dtype=torch_dtype(dtype))


@initializers.register("ones", "one")
class Ones(Initializer):
    """All 1."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Returns ones."""
        return torch.ones(tuple(shape), dtype=torch_dtype(dtype))


@initializers.register("constant")
class Constant(Initializer):
    """All the same.

    Args:
        value: a number, or an array that fits the shape.
    """

    def __init__(self, value: Any = 0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Returns the value, spread over the shape."""
        value = torch.as_tensor(np.asarray(self.value), dtype=torch_dtype(dtype))
        return value.expand(tuple(shape)).clone()

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"value": np.asarray(self.value).tolist()}


class _Random(Initializer):
    """Something with a seed: with one, every call gives the same numbers."""

    seed: int | None

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Returns random numbers; zeros where a file's weights take their place at once."""
        if are_replaced():
            return torch.zeros(tuple(shape), dtype=torch_dtype(dtype))
        return self._values(shape, dtype)

    def _values(self, shape: Sequence[int], dtype: Any) -> Tensor:
        raise TypeError(f"{type(self).__name__} has no _values(shape, dtype): give it one, or __call__.")

    def _generator(self) -> Generator | None:
        return None if self.seed is None else Generator().manual_seed(int(self.seed))

    def _normal(self, shape: Sequence[int], dtype: Any, mean: float, stddev: float) -> Tensor:
        empty = torch.empty(tuple(shape), dtype=torch_dtype(dtype))
        return empty.normal_(mean, stddev, generator=self._generator())

    def _uniform(self, shape: Sequence[int], dtype: Any, low: float, high: float) -> Tensor:
        empty = torch.empty(tuple(shape), dtype=torch_dtype(dtype))
        return empty.uniform_(low, high, generator=self._generator())

    def _truncated(self, shape: Sequence[int], dtype: Any, mean: float, stddev: float) -> Tensor:
        empty = torch.empty(tuple(shape), dtype=torch_dtype(dtype))
        low, high = mean - 2 * stddev, mean + 2 * stddev
        return torch.nn.init.trunc_normal_(empty, mean, stddev, low, high, generator=self._generator())


@initializers.register("random_normal", "normal")
class RandomNormal(_Random):
    """Normally distributed.

    Args:
        mean: of the distribution.
        stddev: standard deviation.
        seed: for the same numbers at every call.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def _values(self, shape: Sequence[int], dtype: Any) -> Tensor:
        return self._normal(shape, dtype, self.mean, self.stddev)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}


@initializers.register("random_uniform", "uniform")
class RandomUniform(_Random):
    """Uniformly distributed.

    Args:
        minval: least value.
        maxval: greatest value.
        seed: for the same numbers at every call.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval = minval
        self.maxval = maxval
        self.seed = seed

    def _values(self, shape: Sequence[int], dtype: Any) -> Tensor:
        return self._uniform(shape, dtype, self.minval, self.maxval)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}


@initializers.register("truncated_normal")
class TruncatedNormal(_Random):
    """Normally distributed, nothing beyond two standard deviations.

    Args:
        mean: of the distribution.
        stddev: standard deviation before the cut.
        seed: for the same numbers at every call.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def _values(self, shape: Sequence[int], dtype: Any) -> Tensor:
        return self._truncated(shape, dtype, self.mean, self.stddev)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}


@initializers.register()
class VarianceScaling(_Random):
    """Random numbers whose variance follows from the weight's shape: scale / fan.

    Args:
        scale: positive.
        mode: which fan: "fan_in", "fan_out" or "fan_avg".
        distribution: "normal" (cut at two deviations) or "uniform".
        seed: for the same numbers at every call.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "normal",
        seed: int | None = None,
    ) -> None:
        mode, distribution = mode.lower(), distribution.lower()
        if scale <= 0.0:
            raise InvalidArgumentError(f"scale must be positive. Received: scale={scale}.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise InvalidArgumentError(f"mode must be fan_in, fan_out or fan_avg. Received: {mode!r}.")
        if distribution not in ("normal", "uniform"):
            raise InvalidArgumentError(f"distribution must be normal or uniform. Received: {distribution!r}.")
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.seed = seed

    def _values(self, shape: Sequence[int], dtype: Any) -> Tensor:
        fan_in, fan_out = compute_fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "normal":
            return self._truncated(shape, dtype, 0.0, math.sqrt(variance) / _TRUNCATED_DEVIATION)
        limit = math.sqrt(3.0 * variance)
        return self._uniform(shape, dtype, -limit, limit)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "seed": self.seed,
        }


@initializers.register("orthogonal")
class Orthogonal(_Random):
    """A random orthogonal matrix (all axes but the last are rows).

    Args:
        gain: factor.
        seed: for the same numbers at every call.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain = gain
        self.seed = seed

    def _values(self, shape: Sequence[int], dtype: Any) -> Tensor:
        rows, columns = math.prod(shape[:-1]), shape[-1]
        long, short = max(rows, columns), min(rows, columns)
        charge_work(4.0 * long * short**2, f"an orthogonal matrix of {rows} x {columns}")
        numbers = self._normal((long, short), "float64", 0.0, 1.0)
        # Of a normal matrix, Q is uniformly distributed once R's diagonal is positive. Keras takes its
        # singular vectors: they are distributed alike, and take six times as long.
        q, r = torch.linalg.qr(numbers)
        q *= torch.where(r.diagonal() < 0, -1.0, 1.0)
        result: Tensor = self.gain * (q if rows >= columns else q.T).reshape(tuple(shape))
        return result.to(torch_dtype(dtype)).contiguous()

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"gain": self.gain, "seed": self.seed}


@initializers.register("identity")
class Identity(Initializer):
    """The identity matrix; for a weight whose one side is a multiple of the other, several side by side.

    Args:
        gain: factor.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """Returns the matrix."""
        if len(shape) != 2 or max(shape) % min(shape):
            raise InvalidArgumentError(
                "Identity needs a matrix whose long side is a multiple of its short side. Received: "
                f"shape={tuple(shape)}."
            )
        matrix = self.gain * torch.eye(min(shape), dtype=torch_dtype(dtype))
        return matrix.repeat(shape[0] // min(shape), shape[1] // min(shape))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {"gain": self.gain}


@initializers.register()
def lecun_uniform(seed: int | None = None) -> VarianceScaling:
    """Returns uniform numbers within ±sqrt(3 / fan_in)."""
    return VarianceScaling(1.0, "fan_in", "uniform", seed)


@initializers.register("GlorotUniform", "xavier_uniform")
def glorot_uniform(seed: int | None = None) -> VarianceScaling:
    """Returns uniform numbers within ±sqrt(6 / (fan_in + fan_out))."""
    return VarianceScaling(1.0, "fan_avg", "uniform", seed)


@initializers.register("GlorotNormal")
def glorot_normal(seed: int | None = None) -> VarianceScaling:
    """Returns normal numbers of variance 2 / (fan_in + fan_out)."""
    return VarianceScaling(1.0, "fan_avg", "normal", seed)


@initializers.register("HeNormal")
def he_normal(seed: int | None = None) -> VarianceScaling:
    """Returns normal numbers of variance 2 / fan_in."""
    return VarianceScaling(2.0, "fan_in", "normal", seed)


@initializers.register("HeUniform")
def he_uniform(seed: int | None = None) -> VarianceScaling:
    """Returns uniform numbers within ±sqrt(6 / fan_in)."""
    return VarianceScaling(2.0, "fan_in", "uniform", seed)


@initializers.register("LecunNormal")
def lecun_normal(seed: int | None = None) -> VarianceScaling:
    """Returns normal numbers of variance 1 / fan_in."""
    return VarianceScaling(1.0, "fan_in", "normal", seed)


def compute_fans(shape: Sequence[int], data_format: str = "channels_last") -> tuple[float, float]:
    """Returns inputs and outputs per unit.

    Args:
        shape: of a weight.
        data_format: where a convolution's kernel has its channels: "channels_last" or "channels_first".
    """
    if data_format not in ("channels_last", "channels_first"):
        raise InvalidArgumentError(f"data_format must be channels_last or _first. Received: {data_format!r}.")
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) in (3, 4, 5) and data_format == "channels_first":
        field = math.prod(shape[2:])
        return shape[1] * field, shape[0] * field
    if len(shape) in (3, 4, 5):
        field = math.prod(shape[:-2])
        return shape[-2] * field, shape[-1] * field
    root = math.sqrt(math.prod(shape))
    return root, root
