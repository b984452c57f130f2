"""`x[..., ::-1]`: slices that go backwards, which torch's tensors do not know and Keras's programs use."""

from __future__ import annotations

from typing import Any

from torch import Tensor

__all__ = ["goes_backwards", "sliced"]


def goes_backwards(key: Any) -> bool:
    """Whether there is a slice with a negative step in what stands in the brackets."""
    return any(map(_backward, key)) if isinstance(key, tuple) else _backward(key)


def sliced(tensor: Tensor, key: Any) -> Tensor:
    """Returns `tensor[key]`, whose slices may go backwards."""
    if not goes_backwards(key):
        return tensor[key]
    keys = list(key) if isinstance(key, tuple) else [key]
    used = sum(_axes(one) for one in keys if one is not Ellipsis)
    axis, turned = 0, []
    for place, one in enumerate(keys):
        if one is Ellipsis:
            axis += tensor.ndim - used
            continue
        if _backward(one):
            taken = range(*one.indices(tensor.shape[axis]))
            forward = slice(taken[-1], taken[0] + 1, -one.step) if taken else slice(0, 0)
            tensor = tensor[(slice(None),) * axis + (forward,)]
            turned.append(axis)
            keys[place] = slice(None)
        axis += _axes(one)
    return tensor.flip(turned)[tuple(keys)]


def _backward(one: Any) -> bool:
    return isinstance(one, slice) and isinstance(one.step, int) and one.step < 0


def _axes(one: Any) -> int:
    """Returns how many axes of the tensor a part of the key is about."""
    if one is None:
        return 0
    return one.ndim if getattr(one, "dtype", None) is not None and str(one.dtype).endswith("bool") else 1
