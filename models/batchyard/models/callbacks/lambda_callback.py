"""Callbacks out of single functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from batchyard.models.callbacks.base import HOOKS, Callback
from batchyard.models.errors import InvalidArgumentError, NotSerializableError


class LambdaCallback(Callback):
    """Calls functions of the user at the hooks.

    Args:
        on_epoch_begin: called with `(epoch, logs)`.
        on_epoch_end: called with `(epoch, logs)`.
        on_batch_begin: called with `(batch, logs)`.
        on_batch_end: called with `(batch, logs)`.
        on_train_begin: called with `(logs)`.
        on_train_end: called with `(logs)`.
        **kwargs: further attributes of the callback.

    Example:
        >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch)).on_epoch_end(3, {})
        3

    Source: Keras 2.2.4, `callbacks.LambdaCallback`.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_batch_begin: Callable[..., Any] | None = None,
        on_batch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        functions = {
            "on_train_begin": on_train_begin,
            "on_epoch_begin": on_epoch_begin,
            "on_batch_begin": on_batch_begin,
            "on_batch_end": on_batch_end,
            "on_epoch_end": on_epoch_end,
            "on_train_end": on_train_end,
        }
        for name, value in kwargs.items():
            setattr(self, name, value)
        for hook in HOOKS:
            function = functions[hook]
            if function is None:
                continue
            if not callable(function):
                raise InvalidArgumentError(
                    f"LambdaCallback: expected {hook} to be a function, received {function!r}."
                )
            setattr(self, hook, function)

    def get_config(self) -> dict[str, Any]:
        """Refuse: functions can't be written to a file.

        Raises:
            NotSerializableError: always.
        """
        raise NotSerializableError(
            "A LambdaCallback holds functions, which can't be saved. Write a subclass of Callback instead."
        )
