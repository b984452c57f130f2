"""What `x += y` and `x[::-1]` mean in Keras, while layers compute that users have written.

`x += y` gives the name `x` a new tensor. torch would change the tensor itself, which other layers may read
too: their numbers would be wrong without a word. Methods that are called by name, as `x.add_(y)`, mean what
they say and stay torch's own. Slices may go backwards, which torch refuses.
"""

from __future__ import annotations

import dis
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.overrides import TorchFunctionMode

from batchyard.models.engine.backward_slices import goes_backwards, sliced

__all__ = ["KerasAssignments"]

#: What Python calls for `x += y` and its like, and what is computed in place of it.
_INSTEAD: dict[str, Callable[..., Any]] = {
    "add_": operator.add,
    "sub_": operator.sub,
    "mul_": operator.mul,
    "div_": operator.truediv,
    "__itruediv__": operator.truediv,
    "__idiv__": operator.truediv,
    "__ipow__": operator.pow,
    "pow_": operator.pow,
    "floor_divide_": operator.floordiv,
    "__ifloordiv__": operator.floordiv,
    "remainder_": operator.mod,
    "__imod__": operator.mod,
}
_BINARY_OP = dis.opmap["BINARY_OP"]


class KerasAssignments(TorchFunctionMode):
    """Within a `with` block, augmented assignments leave the tensor as it is that the name had before.

    And slices may go backwards.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Is what torch calls for each of its functions."""
        name = getattr(func, "__name__", "")
        if name == "__getitem__" and goes_backwards(args[1]):
            return sliced(*args)
        instead = _INSTEAD.get(name)
        if instead is not None:
            caller = sys._getframe(1)
            if caller.f_code.co_code[caller.f_lasti] == _BINARY_OP:
                return instead(*args)
        return func(*args, **(kwargs or {}))
