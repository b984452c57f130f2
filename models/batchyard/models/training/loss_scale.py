"""Scaling of losses, for gradients in float16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["LossScale"]


class LossScale:
    """A factor for the loss that keeps gradients between float16's smallest and largest numbers.

    It follows the rule of `torch.amp.GradScaler`, which itself works only with torch's optimizers: halved,
    and the update left out, where a gradient is not finite; doubled after 2000 updates without that. Being a
    power of two it changes no bit of a gradient that is in range. Its state is part of a fit's state, and all
    members of a crew look at the same sum, so all of them decide alike.

    Attributes:
        scale: the factor.
        good_steps: updates since it was changed.
    """

    GROWTH_INTERVAL = 2000

    def __init__(self) -> None:
        self.scale = 2.0**16
        self.good_steps = 0

    def accepts(self, grads: Sequence[Tensor]) -> bool:
        """Says whether an update can be made, and adapts the factor; waits for the device.

        Args:
            grads: the gradients of a step, not scaled any more.
        """
        finite = not grads or bool(torch.stack([grad.isfinite().all() for grad in grads]).all())
        if not finite:
            self.scale, self.good_steps = self.scale / 2, 0
        elif self.good_steps + 1 == self.GROWTH_INTERVAL:
            self.scale, self.good_steps = self.scale * 2, 0
        else:
            self.good_steps += 1
        return finite

    def get_state(self) -> dict[str, Any]:
        """Returns what `set_state` takes, as JSON values."""
        return {"scale": self.scale, "good_steps": self.good_steps}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `get_state` returned."""
        self.scale, self.good_steps = float(state["scale"]), int(state["good_steps"])
