"""A function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from batchyard.models.backend.symbolic_call import holds_symbolic
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.shape_inference import infer_output_shape
from batchyard.models.errors import InvalidArgumentError, UnknownNameError
from batchyard.models.layers.registry import layers
from batchyard.models.saving.custom_objects import find_custom_object
from batchyard.models.saving.marshalled_code import dump_function, load_function

__all__ = ["Lambda"]


@layers.register()
class Lambda(Layer):
    """Computes what a function returns.

    Symbolic tensors that the function uses from outside of its arguments become further inputs of the layer;
    such a model can be trained, but not saved: pass all tensors in a list instead.

    A named function is saved by its name, and found among the custom objects on loading. One without a name
    (`lambda`) is saved as code, which is run on loading only with `safe_mode=False`.

    Args:
        function: of the input (a tensor, or a list of them), and of `mask` if it has that argument.
        output_shape: without the batch axis, or a function of the input's shape; found by running the
            function by default.
        mask: the output's mask, or a function of (inputs, mask); none by default.
        arguments: further keyword arguments of the function.
        **kwargs: of every layer.

    Input shape:
        any

    Output shape:
        as the function says

    Source: Keras 2.2.4, `layers.Lambda`.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not callable(function):
            raise InvalidArgumentError(f"Lambda needs a function. Received: {function!r}.")
        if not (output_shape is None or isinstance(output_shape, list | tuple) or callable(output_shape)):
            raise InvalidArgumentError(
                "Lambda needs output_shape as a tuple (without the batch axis), a list of tuples or a "
                f"function of the input's shape. Received: {output_shape!r}."
            )
        super().__init__(**kwargs)
        self.function = function
        self.arguments = dict(arguments or {})
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        try:
            self._wants_mask = "mask" in inspect.signature(function).parameters
        except ValueError:  # a function of C that does not tell
            self._wants_mask = False

    _written_by_user = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Computes the output."""
        arguments = {**self.arguments, "mask": mask} if self._wants_mask else self.arguments
        return self.function(inputs, **arguments)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape as `output_shape` says, or found by running the function."""
        given = self._output_shape
        if given is None:
            return infer_output_shape(self, input_shape)
        if callable(given):
            found = given(input_shape)
            return found if isinstance(found, list) and isinstance(found[0], tuple | list) else tuple(found)
        batch = input_shape[0][0] if isinstance(input_shape, list) else input_shape[0]
        if given and isinstance(given[0], list | tuple):
            return [(batch, *shape) for shape in given]
        return (batch, *given)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the mask as `mask` says."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def _must_be_run_once(self) -> bool:
        """Whether the function uses symbolic tensors from outside of its arguments."""
        if not inspect.isfunction(self.function):
            return False
        outside = inspect.getclosurevars(self.function)
        return holds_symbolic([*outside.nonlocals.values(), *outside.globals.values()])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        function, function_type = _describe(self.function)
        shape, shape_type = self._output_shape, "raw"
        if callable(shape):
            shape, shape_type = _describe(shape)
        return {
            **super().get_config(),
            "function": function,
            "function_type": function_type,
            "output_shape": shape,
            "output_shape_type": shape_type,
            "arguments": self.arguments,
        }

    def clone(self) -> Layer:
        """Returns a layer with the same function."""
        given = Layer.get_config(self)
        return type(self)(self.function, self._output_shape, self.mask, self.arguments, **given)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes a layer from what `get_config` returned.

        Args:
            config: the description.
            custom_objects: further functions that it may name.

        Raises:
            UnknownNameError: if it names a function that is no custom object.
            UnsafeCodeError: if it holds code, and the safe mode is on.
        """
        given = dict(config)
        where = f"Lambda layer {given.get('name')!r}"
        function = _find(given.pop("function"), given.pop("function_type", "raw"), where, custom_objects)
        given["output_shape"] = _find(
            given.get("output_shape"), given.pop("output_shape_type", "raw"), where, custom_objects
        )
        arguments = given.pop("arguments", None) or {}
        given["arguments"] = {
            key: np.array(item["value"])
            if isinstance(item, Mapping) and item.get("type") == "ndarray"
            else item
            for key, item in arguments.items()
        }
        return cls(function, **given)


# A configuration has these as long as it is not written to a file: then a layer is made of it without the
# user's help, and without running code.


class _FunctionCode(list[Any]):
    """The code of a function, and the function.

    Args:
        function: what is described.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(dump_function(function))
        self.function = function

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.function,)


class _FunctionName(str):
    """The name of a function, and the function.

    Args:
        function: what is described.
    """

    __slots__ = ("function",)
    function: Callable[..., Any]

    def __new__(cls, function: Callable[..., Any]) -> Self:
        made = super().__new__(cls, getattr(function, "__name__", type(function).__name__))
        made.function = function
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.function,)


def _describe(function: Callable[..., Any]) -> tuple[Any, str]:
    if getattr(function, "__name__", "") == "<lambda>":
        return _FunctionCode(function), "lambda"
    return _FunctionName(function), "function"


def _find(value: Any, kind: str, where: str, custom_objects: Mapping[str, Any] | None) -> Any:
    if isinstance(value, _FunctionName | _FunctionCode):
        return value.function
    if kind == "lambda":
        return load_function(value, where)
    if kind != "function":
        return value
    found = find_custom_object(value, custom_objects)
    if found is None:
        raise UnknownNameError(
            f"{where} computes a function named {value!r}, which is not known here. Pass "
            f"custom_objects={{{value!r}: function}}."
        )
    return found
