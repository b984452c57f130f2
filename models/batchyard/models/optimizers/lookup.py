"""Optimizers by name, and their descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchyard.models.errors import InvalidArgumentError
from batchyard.models.optimizers.adadelta import Adadelta
from batchyard.models.optimizers.adagrad import Adagrad
from batchyard.models.optimizers.adam import Adam
from batchyard.models.optimizers.adamax import Adamax
from batchyard.models.optimizers.adamw import AdamW
from batchyard.models.optimizers.later_rmsprop import LaterRMSprop
from batchyard.models.optimizers.nadam import Nadam
from batchyard.models.optimizers.optimizer import Optimizer
from batchyard.models.optimizers.rmsprop import RMSprop
from batchyard.models.optimizers.sgd import SGD
from batchyard.models.registry import Registry

__all__ = ["deserialize", "get", "serialize"]

_optimizers = Registry("optimizer")
for _class in (SGD, RMSprop, LaterRMSprop, Adagrad, Adadelta, Adam, AdamW, Adamax, Nadam):
    _optimizers.register(_class.__name__.lower())(_class)


def get(identifier: Any) -> Optimizer:
    """Returns the optimizer for a name, a description, or an object."""
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str | Mapping):
        return deserialize(identifier)
    raise InvalidArgumentError(
        f"Could not understand {identifier!r} as an optimizer: expected a name such as 'adam', a "
        "description, or an "
        "object of batchyard.models.optimizers."
    )


def serialize(optimizer: Optimizer) -> Any:
    """Describes an optimizer."""
    return _optimizers.serialize(optimizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """Makes an optimizer from its name or description; any capitals will do."""
    if isinstance(config, str):
        config = {"class_name": config, "config": {}}
    name = config.get("class_name") if isinstance(config, Mapping) else None
    if isinstance(name, str) and name.lower() in _optimizers:
        config["class_name"] = name.lower()  # in the caller's own description, as Keras does
    found: Optimizer = _optimizers.deserialize(config, custom_objects)
    return found
