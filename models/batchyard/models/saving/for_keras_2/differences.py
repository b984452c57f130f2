"""What a model has that Keras 2.2.4 lacks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from batchyard.models.errors import NotSerializableError
from batchyard.models.saving.for_keras_2.known import (
    ACTIVATIONS,
    LATER_ARGUMENTS,
    LAYERS,
    LOSS_CLASSES,
    OPTIMIZERS,
)

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["differences", "refuse_differences", "warn_of_differences"]

_ACTIVATION_ARGUMENTS = ("activation", "recurrent_activation")
_NETWORKS = ("Model", "Sequential")
#: How many are told.
_MOST = 6


def differences(config: Mapping[str, Any], training: Mapping[str, Any] | None) -> list[str]:
    """Return what Keras 2.2.4 does not know of a model, in words; classes of the user are not meant.

    Args:
        config: class and configuration of the model.
        training: how it is compiled, as files say it; None for what isn't.
    """
    return list(dict.fromkeys([*_of_layer(config), *_of_training(training or {})]))


def warn_of_differences(model: Model, found: list[str]) -> None:
    """Tell that Keras 2.2.4 can't open what is written, if it can't; nobody expects it of torch's modules.

    Args:
        model: that is saved.
        found: `differences` of it.
    """
    from batchyard.models.layers.core.torch_layer import TorchLayer

    if found and not any(isinstance(layer, TorchLayer) for layer in model._with_inner_layers()):
        warnings.warn(
            f"Keras 2.2.4 can't open this file of the model {model.name!r}: it doesn't know {_some(found)}. "
            "The file opens here, exactly as it is. With save(path, target='keras2') these are written as "
            "layers of Keras 2.2.4 that compute the same, where there are any, and the others are named; "
            "with target='keras3' Keras 3 opens it.",
            UserWarning,
            stacklevel=4,
        )


def refuse_differences(model: Model, found: list[str]) -> None:
    """Refuse to write for Keras 2.2.4 what it can't open.

    Args:
        model: that is saved.
        found: `differences` of what would be written.

    Raises:
        NotSerializableError: naming layers, classes and arguments.
    """
    if found:
        raise NotSerializableError(
            f"Keras 2.2.4 has nothing that computes the same as parts of the model {model.name!r}: "
            f"{_some(found)}. Leave target='keras2' out to save it for this library, or use "
            "target='keras3' for Keras 3; for Keras 2.2.4, build these parts of its layers, or of a Lambda "
            "with a named function."
        )


def _of_layer(described: Mapping[str, Any]) -> Iterator[str]:
    class_name, config = str(described.get("class_name")), described.get("config")
    if not isinstance(config, Mapping):
        return
    name = config.get("name") or described.get("name")
    if class_name in _NETWORKS and isinstance(config.get("layers"), list):
        for layer in config["layers"]:
            yield from _of_layer(layer)
            yield from _of_calls(layer)
        return
    if not _is_ours(class_name):
        return
    if class_name not in LAYERS:
        operation = f" ({config['operation']})" if "operation" in config else ""
        yield f"the class {class_name}{operation} of layer {name!r}"
        return
    for key, value in config.items():
        is_later = key in _ACTIVATION_ARGUMENTS and _is_later_activation(value)
        if is_later or key in LATER_ARGUMENTS:
            yield f"{key}={value!r} of layer {name!r} ({class_name})"
    for key in ("layer", "cell"):
        if isinstance(config.get(key), Mapping):
            yield from _of_layer(config[key])
    for cell in config.get("cells") or ():
        yield from _of_layer(cell)


def _of_calls(layer: Mapping[str, Any]) -> Iterator[str]:
    """Yield the arguments of calls that a network of Keras 2.2.4 doesn't take."""
    if layer.get("class_name") not in _NETWORKS:
        return
    for call in layer.get("inbound_nodes") or ():
        for tensor in call:
            for key, value in (tensor[3] if len(tensor) > 3 else {}).items():
                yield f"the call of {layer.get('name')!r} ({layer['class_name']}) with {key}={value!r}"


def _of_training(training: Mapping[str, Any]) -> Iterator[str]:
    described = training.get("optimizer_config") or {}
    name = described.get("class_name")
    if name is not None and name not in OPTIMIZERS and _is_our_optimizer(name):
        yield f"the optimizer {name}"
    yield from _of_losses(training.get("loss"))


def _of_losses(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _of_losses(item)
    elif isinstance(value, Mapping):
        if value.get("class_name") in LOSS_CLASSES:
            told = ", ".join(f"{key}={item!r}" for key, item in (value.get("config") or {}).items())
            yield f"the loss {value['class_name']}({told})"
        elif "class_name" not in value:
            for item in value.values():
                yield from _of_losses(item)


def _is_ours(class_name: str) -> bool:
    from batchyard.models.layers.registry import layers

    return class_name in layers and layers.find(class_name).__module__.startswith("batchyard.models.")


def _is_our_optimizer(class_name: str) -> bool:
    from batchyard.models import optimizers

    return hasattr(optimizers, class_name)


def _is_later_activation(value: Any) -> bool:
    from batchyard.models.activations.functions import activations

    return isinstance(value, str) and value not in ACTIVATIONS and value in activations


def _some(found: list[str]) -> str:
    rest = len(found) - _MOST
    return "; ".join(found[:_MOST]) + (f"; and {rest} more" if rest > 0 else "")
