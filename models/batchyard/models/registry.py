"""Names for things: how "relu", "mse" or {"class_name": "L1L2", …} become functions and objects, and back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from batchyard.models.errors import InvalidArgumentError, UnknownNameError

__all__ = ["Registry"]

_T = TypeVar("_T")


class Registry:
    """The things of one kind that configurations may name: an allow-list, extended by custom objects only.

    Args:
        kind: what the things are, for messages: "loss", "layer", …
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._known: dict[str, Any] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def register(self, *aliases: str) -> Callable[[_T], _T]:
        """Decorates a function or class: it is known by its own name and by the aliases."""

        def add(thing: _T) -> _T:
            for name in (getattr(thing, "__name__", ""), *aliases):
                self._known[name] = thing
            return thing

        return add

    def extend(self, other: Registry) -> None:
        """Takes over all that another registry knows."""
        self._known.update(other._known)

    def find(self, name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Returns the function or class of that name: custom objects first.

        Raises:
            UnknownNameError: if there is none.
        """
        # Not at the module's head: the package `saving` needs the layers, and these need their registries.
        from batchyard.models.saving.custom_objects import find_custom_object

        found = find_custom_object(name, custom_objects)
        if found is None:
            found = self._known.get(name)
        if found is None:
            raise UnknownNameError.of(self.kind, name, self._known)
        return found

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Builds the thing that `serialize` described.

        Args:
            config: a name, or `{"class_name": …, "config": …}`.
            custom_objects: further names.
        """
        if isinstance(config, str):
            found = self.find(config, custom_objects)
            return found() if inspect.isclass(found) else found
        if not isinstance(config, Mapping) or "class_name" not in config:
            raise InvalidArgumentError(
                f"A {self.kind} is described by a name or by {{'class_name': …, 'config': …}}. Received: "
                f"{config!r}."
            )
        found = self.find(str(config["class_name"]), custom_objects)
        arguments = config.get("config") or {}
        if not inspect.isclass(found):
            return found(**arguments) if arguments else found
        if not hasattr(found, "from_config"):
            return found(**arguments)
        if "custom_objects" in inspect.signature(found.from_config).parameters:  # type: ignore[attr-defined]
            return found.from_config(arguments, custom_objects=custom_objects)  # type: ignore[attr-defined]
        return found.from_config(arguments)  # type: ignore[attr-defined]

    def serialize(self, thing: Any) -> Any:
        """Describes a thing: functions by name, objects by class and configuration."""
        if thing is None or isinstance(thing, str):
            return thing
        if hasattr(thing, "get_config"):
            return {"class_name": type(thing).__name__, "config": thing.get_config()}
        if hasattr(thing, "__name__"):
            return thing.__name__
        raise InvalidArgumentError(
            f"Cannot describe {thing!r} as a {self.kind}: it has neither get_config nor a name. "
            "Give its class a get_config method."
        )

    def get(self, identifier: Any) -> Any:
        """Returns the thing for whatever a user passes: None, a name, a description, or the thing itself."""
        if identifier is None:
            return None
        if isinstance(identifier, str | Mapping):
            return self.deserialize(identifier)
        if inspect.isclass(identifier):
            return identifier()
        if callable(identifier):
            return identifier
        raise InvalidArgumentError(
            f"Could not understand {identifier!r} as a {self.kind}: expected None, a name, a description or "
            "a callable."
        )
