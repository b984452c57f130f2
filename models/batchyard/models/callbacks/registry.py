"""Callbacks by name, so that a job file can ask for them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from batchyard.models.callbacks.base import Callback
from batchyard.models.callbacks.base_logger import BaseLogger
from batchyard.models.callbacks.csv_logger import CSVLogger
from batchyard.models.callbacks.early_stopping import EarlyStopping
from batchyard.models.callbacks.history import History
from batchyard.models.callbacks.lambda_callback import LambdaCallback
from batchyard.models.callbacks.learning_rate_scheduler import LearningRateScheduler
from batchyard.models.callbacks.model_checkpoint import ModelCheckpoint
from batchyard.models.callbacks.progbar_logger import ProgbarLogger
from batchyard.models.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from batchyard.models.callbacks.remote_monitor import RemoteMonitor
from batchyard.models.callbacks.tensor_board import TensorBoard
from batchyard.models.callbacks.terminate_on_nan import TerminateOnNaN
from batchyard.models.errors import InvalidArgumentError, UnknownNameError
from batchyard.models.saving.custom_objects import find_custom_object, get_custom_objects, scope_of

#: Every callback that a name may stand for.
CALLBACKS: dict[str, type[Callback]] = {
    callback.__name__: callback
    for callback in (
        BaseLogger,
        CSVLogger,
        EarlyStopping,
        History,
        LambdaCallback,
        LearningRateScheduler,
        ModelCheckpoint,
        ProgbarLogger,
        ReduceLROnPlateau,
        RemoteMonitor,
        TensorBoard,
        TerminateOnNaN,
    )
}


def get(identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Callback:
    """Return the callback that an identifier stands for.

    Args:
        identifier: a callback, which is returned as it is; a name (`"TerminateOnNaN"`); or a dictionary,
            `{"class_name": "EarlyStopping", "config": {"patience": 2}}` or shorter
            `{"EarlyStopping": {"patience": 2}}`.
        custom_objects: classes of the user that may be named too.

    Raises:
        UnknownNameError: where the name isn't known.
        InvalidArgumentError: where the identifier or the callback's arguments can't be understood.

    Example:
        >>> get({"EarlyStopping": {"patience": 2}}).patience
        2
    """
    if isinstance(identifier, Callback):
        return identifier
    if isinstance(identifier, str):
        return _build(identifier, {}, custom_objects)
    if isinstance(identifier, Mapping):
        return deserialize(identifier, custom_objects)
    raise InvalidArgumentError(
        "Expected a callback, its name, or a dictionary such as {'EarlyStopping': {'patience': 2}}; "
        f"received {identifier!r:.200}."
    )


def serialize(callback: Callback) -> dict[str, Any]:
    """Return a callback as a dictionary of JSON.

    Raises:
        NotSerializableError: where the callback holds what can't be written.
    """
    return {"class_name": type(callback).__name__, "config": callback.get_config()}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Callback:
    """Build a callback from a dictionary, as `get` takes it.

    Raises:
        UnknownNameError: where the name isn't known.
        InvalidArgumentError: where the dictionary or the callback's arguments can't be understood.
    """
    if config.keys() == {"class_name", "config"} or config.keys() == {"class_name"}:
        name, arguments = config["class_name"], config.get("config")
    elif len(config) == 1:
        ((name, arguments),) = config.items()
    else:
        name, arguments = None, None
    arguments = {} if arguments is None else arguments
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        raise InvalidArgumentError(
            "Expected a callback as {'class_name': name, 'config': {...}} or {name: {...}}, "
            f"received {dict(config)!r:.200}."
        )
    return _build(name, arguments, custom_objects)


def _build(name: str, arguments: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> Callback:
    kind = find_custom_object(name, custom_objects) or CALLBACKS.get(name)
    if not (isinstance(kind, type) and issubclass(kind, Callback)):
        raise UnknownNameError.of("callback", name, _known(custom_objects))
    if kind is CALLBACKS.get(name):
        _check_arguments(kind, arguments)
    with scope_of(custom_objects):
        return kind.from_config(arguments)


def _known(custom_objects: Mapping[str, Any] | None) -> set[str]:
    custom = {**get_custom_objects(), **(custom_objects or {})}
    return CALLBACKS.keys() | {
        name for name, kind in custom.items() if isinstance(kind, type) and issubclass(kind, Callback)
    }


def _check_arguments(kind: type[Callback], arguments: Mapping[str, Any]) -> None:
    """Say which arguments a callback has, instead of the bare TypeError of its constructor."""
    parameters = inspect.signature(kind).parameters
    unknown = [name for name in arguments if name not in parameters]
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and name not in arguments
    ]
    if unknown or missing:
        what = (
            f"received unknown {', '.join(map(str, unknown))}"
            if unknown
            else f"{', '.join(missing)} is missing"
        )
        raise InvalidArgumentError(
            f"{kind.__name__}: expected the arguments {', '.join(parameters) or '(none)'}; {what}."
        )
