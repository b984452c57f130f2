"""`np.random.seed(1337)  # for reproducibility` fixes weights, dropout and the order of rows too.

Keras 2.2.4 drew the seeds of all its random tensors from numpy, so scripts of its time seed nothing else.
Here they come from torch: under the alias, whoever seeds numpy seeds torch.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch

__all__ = ["seed_torch_with_numpy"]


def seed_torch_with_numpy() -> None:
    """Makes `numpy.random.seed` seed torch's generators as well, in this process; may be called again."""
    original = np.random.seed
    if hasattr(original, "_seeds_numpy_only"):
        return

    @functools.wraps(original)
    def seed(seed: Any = None) -> None:
        original(seed)
        # Seeds are numbers, arrays, or None for a new beginning: numpy's state tells all of them apart.
        torch.manual_seed(int(np.random.get_state()[1][1]))  # type: ignore[index]

    seed._seeds_numpy_only = original  # type: ignore[attr-defined]
    np.random.seed = seed
