"""Models as text: JSON and YAML, which people can read and edit."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from batchyard.models.errors import (
    BatchyardModelsError,
    InvalidArgumentError,
    ModelFileError,
    NotSerializableError,
)
from batchyard.models.saving.configured_objects import configured_layers, count_calls
from batchyard.models.saving.custom_objects import scope_of
from batchyard.models.saving.foreign.producer import Producer, producer_of
from batchyard.models.saving.foreign_config import expect_bounded, to_keras_2
from batchyard.models.saving.own_arguments import put_back, set_aside
from batchyard.models.saving.versions import BACKEND, KERAS_VERSION
from batchyard.models.saving.weight_budget import weight_budget

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

#: The longest text of a configuration that is read, in characters; its values take some 40 times that.
TEXT_LIMIT = 16 * 2**20
#: The most commas and opening brackets in JSON, each of which can take 150 bytes of memory.
_MARK_LIMIT = 1_500_000
#: The most values, keys, beginnings and ends in YAML, and the deepest nesting: reading it is slow.
_YAML_LIMIT, _DEPTH_LIMIT = 250_000, 500
#: The most numbers in the weights of a model from text, which can ask for any amount: 2 GiB of float32.
_NUMBER_LIMIT = 2**29
#: The most calls of layers: models within models, each called twice, would make any number of them.
_CALL_LIMIT = 50_000
#: The most operations on numbers for first values, of orthogonal matrices: some seconds on one core.
_WORK_LIMIT = 3e11
#: The most layers of a model in a configuration, those of models within it too.
_LAYER_LIMIT = 10_000
_TOO_LARGE = (
    f"which makes more than {_NUMBER_LIMIT} numbers in all; text alone may not take up so much memory. If "
    "the model is meant to be that large: model_from_config(json.loads(text))."
)


def describe_model(model: Model) -> dict[str, Any]:
    """Return class and configuration of a model, as JSON values; what Keras lacks stands beside them.

    Raises:
        NotSerializableError: where a layer's configuration holds what can't be written.
    """
    config = plain(model.get_config(), model.name)
    return set_aside({"class_name": type(model).__name__, "config": config})


def model_to_json(model: Model, **kwargs: Any) -> str:
    """Return a model's configuration, without weights, as JSON.

    Args:
        model: the model.
        **kwargs: passed on to `json.dumps`, such as `indent=2`.
    """
    return json.dumps({**describe_model(model), "keras_version": KERAS_VERSION, "backend": BACKEND}, **kwargs)


def model_to_yaml(model: Model, **kwargs: Any) -> str:
    """Return a model's configuration, without weights, as YAML.

    Args:
        model: the model.
        **kwargs: passed on to `yaml.dump`.
    """
    config = {**describe_model(model), "keras_version": KERAS_VERSION, "backend": BACKEND}
    return str(yaml.dump(config, Dumper=_Dumper, **kwargs))


def model_from_config(
    config: Mapping[str, Any],
    custom_objects: Mapping[str, Any] | None = None,
    producer: Producer | None = None,
    for_inference: bool = False,
) -> Model:
    """Build a model, with fresh weights, from class and configuration.

    Args:
        config: `{"class_name": ..., "config": ...}`; what other versions of Keras wrote is understood too.
        custom_objects: classes and functions of the user that it may name.
        producer: who wrote it; told by `keras_version` in it, or by its spelling, if not given.
        for_inference: whether initializers that aren't known are left out.

    Raises:
        InvalidArgumentError: where it isn't the configuration of a model.
        UnknownNameError: where it names a class that isn't known.
    """
    with configuration_errors("the model's configuration"):
        return build_model(config, custom_objects, producer, for_inference)


def build_model(
    config: Mapping[str, Any],
    custom_objects: Mapping[str, Any] | None = None,
    producer: Producer | None = None,
    for_inference: bool = False,
) -> Model:
    """Build a model as `model_from_config` does; what constructors raise is left as it is."""
    from batchyard.models.engine.model import Model
    from batchyard.models.layers.registry import deserialize

    if isinstance(config, list):
        raise InvalidArgumentError(
            "Expected the configuration of a model as a dictionary, received a list. "
            "Perhaps it is the old configuration of a Sequential: use Sequential.from_config(config)."
        )
    _expect_object(config)
    expect_few_layers(config)
    with scope_of(custom_objects):
        config = put_back(config)
        producer = producer or producer_of(config.get("keras_version"), config)
        model = deserialize(to_keras_2(config, producer, for_inference), custom_objects)
    if not isinstance(model, Model):
        raise InvalidArgumentError(
            f"Expected the configuration of a model, received that of a layer, {config['class_name']}. "
            "Use layers.deserialize(config) for layers."
        )
    return model


def expect_few_layers(config: Any) -> None:
    """Refuse a configuration that is too large to be read in a little time.

    Args:
        config: of a model.

    Raises:
        InvalidArgumentError: where it has too many layers or values, or is nested too deeply.
    """
    expect_bounded(config)
    if len(configured_layers(config)) > _LAYER_LIMIT:
        raise InvalidArgumentError(
            f"Expected the configuration of a model of at most {_LAYER_LIMIT} layers, received one of more."
        )
    if count_calls(config) > _CALL_LIMIT:
        raise InvalidArgumentError(
            f"Expected the configuration of a model in which layers are called at most {_CALL_LIMIT} times, "
            "those within models that are called several times as often as these; received one of more."
        )


def model_from_json(json_string: str | bytes, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """Build a model, with fresh weights, from JSON.

    Args:
        json_string: what `model.to_json()` gave.
        custom_objects: classes and functions of the user that it may name.

    Raises:
        InvalidArgumentError: where it isn't the configuration of a model.
    """
    config = parse_json(json_string, "the model's configuration")
    return build_from_text(config, custom_objects)


def model_from_yaml(yaml_string: str | bytes, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """Build a model, with fresh weights, from YAML; no tag in it can make anything but plain values.

    Args:
        yaml_string: what `model.to_yaml()` gave, here or in Keras 2.2.4.
        custom_objects: classes and functions of the user that it may name.

    Raises:
        InvalidArgumentError: where it isn't the configuration of a model.
    """
    config = parse_yaml(yaml_string, "the model's configuration")
    return build_from_text(config, custom_objects)


def build_from_text(
    config: Any, custom_objects: Mapping[str, Any] | None = None, where: str = "the model's configuration"
) -> Model:
    """Build a model from a configuration that no weights bear out, and which may ask for no more than 2 GiB.

    Args:
        config: class and configuration, parsed.
        custom_objects: classes and functions of the user that it may name.
        where: it stands, for messages.

    Raises:
        InvalidArgumentError: where it isn't the configuration of a model.
        ModelFileError: where its weights would be larger.
    """
    with weight_budget(_NUMBER_LIMIT, "the text", _TOO_LARGE, _WORK_LIMIT), configuration_errors(where):
        return build_model(config, custom_objects)


@contextmanager
def configuration_errors(where: str) -> Iterator[None]:
    """Turn what a wrong configuration makes constructors raise into an error that says where it stands.

    Args:
        where: what is read, for the message.

    Raises:
        ModelFileError: in place of what is no error of this library.
    """
    try:
        yield
    except BatchyardModelsError:
        raise
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        MemoryError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise ModelFileError(
            f"{where[:1].upper()}{where[1:]} can't be understood: {type(error).__name__}: {error}. "
            "Expected one as Keras writes it; was it edited, or written by a much newer version?"
        ) from error


def parse_json(text: str | bytes, what: str) -> Any:
    """Return the value of JSON text.

    Args:
        text: the JSON.
        what: what it should be, for the message.

    Raises:
        InvalidArgumentError: where it isn't JSON.
    """
    _expect_length(text, what)
    if _marks(text) > _MARK_LIMIT:
        raise InvalidArgumentError(
            f"Expected {what} to have at most {_MARK_LIMIT} values, received more. No Keras writes that."
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        start = text[:60]
        raise InvalidArgumentError(f"Expected {what} as JSON, received {start!r}...: {error}.") from error


def _marks(text: str | bytes) -> int:
    """Return how many commas and opening brackets there are: JSON has hardly more values than that."""
    if isinstance(text, bytes):
        return sum(text.count(mark) for mark in (b",", b"{", b"["))
    return sum(text.count(mark) for mark in (",", "{", "["))


def parse_yaml(text: str | bytes, what: str) -> Any:
    """Return the value of YAML text; no tag in it can make anything but plain values.

    Args:
        text: the YAML.
        what: what it should be, for the message.

    Raises:
        InvalidArgumentError: where it isn't YAML.
    """
    _expect_length(text, what)
    if _depth(text) > _DEPTH_LIMIT:
        raise InvalidArgumentError(
            f"Expected {what} as YAML, received text with more than {_DEPTH_LIMIT} brackets within "
            "each other."
        )
    try:
        _expect_simple(text, what)
        value = yaml.load(text, Loader=_Loader)
        expect_bounded(value)  # aliases can make it larger than its text, and endless
        return value
    except InvalidArgumentError:
        raise
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidArgumentError(f"Expected {what} as YAML, received other text: {error}.") from error


def _expect_simple(text: str | bytes, what: str) -> None:
    """Refuse YAML on which building its values takes too long, or overflows the stack of libyaml."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_BaseLoader)):
        if count > _YAML_LIMIT:
            raise InvalidArgumentError(
                f"Expected {what} to have at most {_YAML_LIMIT} values, received more. For a model of "
                "that size use JSON: model.to_json()."
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEPTH_LIMIT:
            raise InvalidArgumentError(
                f"Expected {what} as YAML, received values nested more than {_DEPTH_LIMIT} deep."
            )
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
            raise InvalidArgumentError(
                f"Expected {what} as YAML without merged dictionaries (<<), which no Keras writes. Write "
                "them out."
            )


def _depth(text: str | bytes) -> int:
    """Return how deep brackets are nested, wherever they stand: on many, libyaml takes for ever."""
    depth = deepest = 0
    for bracket in re.findall(rb"[][{}]", text.encode("utf-8", "replace") if isinstance(text, str) else text):
        depth = depth + 1 if bracket in b"[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def plain(value: Any, where: str) -> Any:
    """Return a configuration as values that JSON and YAML have: tuples as lists, numpy numbers as numbers,
    functions and classes by their names.

    Raises:
        NotSerializableError: where there is no such value.
    """
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, f"{where}[{place}]") for place, item in enumerate(value)]
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": plain(value.get_config(), where)}
    name = getattr(value, "__name__", None)
    if callable(value) and isinstance(name, str):
        if name == "<lambda>":
            warnings.warn(
                f"{where} is a lambda, of which a file can hold no more than that name. "
                "On loading, pass custom_objects={'<lambda>': function}; better, give the function a name.",
                UserWarning,
                stacklevel=2,
            )
        return name
    raise NotSerializableError(
        f"{where} of the configuration is {value!r:.100}, which a file can't hold. Expected a number, "
        f"text, list, "
        "dictionary, an object with get_config(), or a function with a name (to be passed as custom object "
        "on loading)."
    )


#: libyaml's parser is ten times as fast, where it is there.
_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BaseLoader):  # type: ignore[misc]  # one of two classes
    """YAML's plain values, and the tuples and strings that Python 2 and 3 tag."""


def _tuple(loader: _Loader, node: yaml.SequenceNode) -> list[Any]:
    return list(loader.construct_sequence(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _tuple)


class _Dumper(yaml.SafeDumper):
    """YAML without anchors: equal lists are written out each time, which is easier to edit."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _expect_object(config: Any) -> None:
    known = isinstance(config, Mapping) and isinstance(config.get("class_name"), str) and "config" in config
    if not known:
        found = sorted(map(str, config)) if isinstance(config, Mapping) else type(config).__name__
        raise InvalidArgumentError(
            "Expected the configuration of a model: a dictionary with 'class_name' and 'config'; "
            f"received {found!r:.200}. model.to_json() gives one."
        )


def _expect_length(text: str | bytes, what: str) -> None:
    if not isinstance(text, str | bytes):
        raise InvalidArgumentError(f"Expected {what} as text, received {type(text).__name__}.")
    if len(text) > TEXT_LIMIT:
        raise InvalidArgumentError(
            f"Expected {what} to have at most {TEXT_LIMIT} characters, received {len(text)}."
        )
