"""What `TimeDistributed` kept in Keras 2.2.4: the inputs that it was called on, with time steps as rows."""

from __future__ import annotations

from typing import Any

from batchyard.models import backend
from batchyard.models.layers import TimeDistributed
from batchyard.models.utils.generic_utils import object_list_uid

__all__ = ["offer_input_map"]


def _input_map(layer: Any) -> dict[str, Any]:
    """Returns symbolic tensors of shape (batch * time, …), by `object_list_uid` of the inputs."""
    found = {}
    for node in layer._inbound_nodes:
        (given,) = node.input_tensors
        if given.shape[0] is None:  # with a known batch Keras steps through time instead
            flat = backend.reshape(given, (-1, *given.shape[2:]))
            found[object_list_uid(given)] = flat
    return found


def offer_input_map() -> None:
    """Lets `TimeDistributed` have the attribute `_input_map`, which third-party code reads."""
    TimeDistributed._input_map = property(_input_map)  # type: ignore[attr-defined]
