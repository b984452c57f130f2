"""One call that tries a layer out, for tests of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import numpy as np
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from batchyard.models.backend import dtype as symbolic_dtype
from batchyard.models.backend import floatx
from batchyard.models.engine.input_layer import Input
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.model import Model
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.saving.custom_objects import CustomObjectScope
from batchyard.models.saving.marshalled_code import safe_mode_scope
from batchyard.models.utils.generic_utils import has_arg

__all__ = ["layer_test"]

#: How far two computations of the same output may differ, relatively.
_TOLERANCE = 1e-3


def layer_test(
    layer_cls: type[Layer],
    kwargs: Mapping[str, Any] = {},
    input_shape: tuple[int | None, ...] | None = None,
    input_dtype: Any = None,
    input_data: NDArray[Any] | None = None,
    expected_output: NDArray[Any] | None = None,
    expected_output_dtype: Any = None,
    fixed_batch_size: bool = False,
) -> NDArray[Any]:
    """Makes a layer with one input and one output, and checks what every such layer must do.

    Its weights can be read and written; the shape and the dtype of its output are those it announces; a
    model and a layer made from its configuration compute the same; a layer that knows training from
    prediction trains for one step.

    Args:
        layer_cls: the class of the layer.
        kwargs: arguments to make it with.
        input_shape: with the batch axis; None stands for one to three, drawn at random. That of `input_data`
            by default.
        input_dtype: of the input; that of `input_data`, or `floatx()`, by default.
        input_data: the input; numbers from 0 to 10, drawn at random, by default.
        expected_output: what the layer must compute, to a thousandth.
        expected_output_dtype: of the output; that of the input by default.
        fixed_batch_size: the model knows the number of rows.

    Returns:
        The output, for further checks.

    Raises:
        AssertionError: if the layer does one of these things wrong.
        InvalidArgumentError: with neither `input_shape` nor `input_data`.

    Source: Keras 2.2.4, `utils.test_utils`.
    """
    if input_data is None:
        if not input_shape:
            raise InvalidArgumentError("layer_test needs input_shape or input_data. Received: neither.")
        sizes = [np.random.randint(1, 4) if size is None else size for size in input_shape]
        input_data = (10 * np.random.random(sizes)).astype(input_dtype or floatx())
    shape = tuple(input_data.shape if input_shape is None else input_shape)
    dtype = str(input_dtype or input_data.dtype)

    layer = _make(layer_cls, kwargs)
    batch_shape = shape if fixed_batch_size else (None, *shape[1:])
    inputs = Input(batch_shape=batch_shape, dtype=dtype)
    outputs = layer(inputs)
    found = symbolic_dtype(outputs)
    assert found == str(expected_output_dtype or dtype), (
        f"{layer.name}'s output is of dtype {found}, expected {expected_output_dtype or dtype}."
    )
    model = Model(inputs, outputs)
    result: NDArray[Any] = model.predict(input_data)
    _check_shape(layer, layer.compute_output_shape(shape), result.shape)
    if expected_output is not None:
        assert_allclose(result, expected_output, rtol=_TOLERANCE)
    with _knowing(kwargs):
        _check_configuration(model, input_data, result)
    if has_arg(layer.call, "training"):
        model.compile("rmsprop", "mse")
        model.train_on_batch(input_data, result)
    with _knowing(kwargs):
        again = type(layer).from_config({**layer.get_config(), "batch_input_shape": shape})
    assert again.get_config()["name"] == layer.name
    return result


def _make(layer_cls: type[Layer], kwargs: Mapping[str, Any]) -> Layer:
    """Makes a layer; one that has weights from the start is made again from these weights."""
    layer = layer_cls(**kwargs)
    weights = layer.get_weights()
    layer.set_weights(weights)
    if weights and has_arg(layer_cls.__init__, "weights"):
        layer = layer_cls(**{**kwargs, "weights": weights})
    return layer


@contextmanager
def _knowing(kwargs: Mapping[str, Any]) -> Iterator[None]:
    """Within it, configurations may hold the functions and the code among a layer's own arguments."""
    functions = {value.__name__: value for value in kwargs.values() if isinstance(value, FunctionType)}
    with CustomObjectScope(functions), safe_mode_scope(False):
        yield


def _check_shape(layer: Layer, expected: tuple[int | None, ...], found: tuple[int, ...]) -> None:
    fits = len(expected) == len(found) and all(
        size is None or size == there for size, there in zip(expected, found, strict=True)
    )
    assert fits, f"{layer.name} announces outputs of shape {expected}, but computed one of shape {found}."


def _check_configuration(model: Model, x: NDArray[Any], expected: NDArray[Any]) -> None:
    """A model made from a model's configuration computes the same with the same weights."""
    again = Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    if model.weights:
        assert_allclose(again.predict(x), expected, rtol=_TOLERANCE)
