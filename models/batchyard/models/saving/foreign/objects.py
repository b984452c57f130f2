"""Objects within the arguments of layers: initializers, functions, policies, tuples, tensors."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping
from typing import Any

from batchyard.models.errors import InvalidArgumentError, UnknownNameError
from batchyard.models.saving.custom_objects import find_custom_object
from batchyard.models.saving.foreign.producer import KERAS_3, Producer
from batchyard.models.saving.foreign.references import Reference

__all__ = ["HARD_SIGMOID", "Spelling", "check_origin", "plain_class_name"]

#: Keras 3's hard_sigmoid, x / 6 + 1/2; Keras 2's is x / 5 + 1/2.
HARD_SIGMOID = "hard_sigmoid_of_keras_3"
#: Modules whose classes have the same names here.
_MODULES = ("builtins", "keras", "keras_core", "numpy", "tensorflow", "tf_keras", "tensorflow_addons")
#: Arguments that hold activations.
_ACTIVATIONS = ("activation", "recurrent_activation")
#: Names of initializers' arguments that change nothing.
_INITIALIZER_EXTRAS = ("input_axes", "output_axes", "dtype", "partition_info")


def plain_class_name(name: str) -> str:
    """Returns a class's name without the package that it was registered for, as in `Custom>Name`."""
    return name.rsplit(">", 1)[-1]


def check_origin(described: Mapping[str, Any], class_name: str, config: Any) -> None:
    """Refuses objects of modules other than Keras's, unless they are custom objects.

    Args:
        described: the object, perhaps with `module` and `registered_name`.
        class_name: of it.
        config: of it, for its name.

    Raises:
        InvalidArgumentError: where the module is another.
    """
    module = described.get("module")
    if module is None or find_custom_object(class_name) is not None:
        return
    if isinstance(module, str) and module.split(".")[0] in _MODULES and "__" not in module:
        return
    name = config.get("name") if isinstance(config, Mapping) else None
    raise InvalidArgumentError(
        f"{class_name} {name!r} in the configuration comes from the module {module!r:.100}. A file may name "
        "Keras's own classes only, and no module of its choice is imported. Pass the class or function in "
        f"custom_objects={{{class_name!r}: ...}}."
    )


class Spelling:
    """Rewrites the values in the arguments of layers.

    Args:
        producer: who wrote them.
        for_inference: whether initializers that are not known may be left out.
    """

    def __init__(self, producer: Producer, for_inference: bool) -> None:
        self._producer = producer
        self._for_inference = for_inference

    def arguments(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a layer's arguments."""
        found = {}
        for key, item in config.items():
            if key in ("build_config", "compile_config", "registered_name", "module", "shared_object_id"):
                continue
            if key in _ACTIVATIONS:
                found[key] = self.activation(item)
                _expect_activation(found[key], key, config.get("name"))
            elif key.endswith("_initializer"):
                found[key] = self._initializer(item)
            elif key.endswith(("_regularizer", "_constraint")):
                found[key] = self._of_training(key, item)
            elif key == "dtype":
                found[key] = self._dtype(item, config.get("name"))
            else:
                found[key] = self.value(item)
        return found

    def value(self, value: Any) -> Any:
        """Returns a value without what only later versions write."""
        if isinstance(value, list | tuple) and not isinstance(value, Reference):
            return [self.value(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        if isinstance(value.get("class_name"), str):
            return self._object(value)
        return {key: self.value(item) for key, item in value.items()}

    def _object(self, value: Mapping[str, Any]) -> Any:
        class_name, config = plain_class_name(value["class_name"]), value.get("config")
        if class_name == "__tuple__":
            return [self.value(item) for item in value.get("items", ())]
        if class_name == "__keras_tensor__" and isinstance(config, Mapping):
            return _tensor(config.get("keras_history"))
        if class_name == "__slice__" and isinstance(config, Mapping):
            return {key: self.value(config.get(key)) for key in ("start", "stop", "step")}
        if class_name == "__ellipsis__":
            return {"type": "Ellipsis"}
        if class_name in ("__numpy__", "__tensor__") and isinstance(config, Mapping):
            return config.get("value")
        if class_name in ("__bytes__",):
            return value.get("value")
        if class_name in ("TensorShape",):
            return value.get("items")
        check_origin(value, str(config) if class_name == "function" else class_name, config)
        if class_name == "function":
            return config
        found: dict[str, Any] = {"class_name": class_name}
        if "config" in value:
            found["config"] = self.value(config)
        return found

    def activation(self, value: Any) -> Any:
        """Returns an activation by name, Keras 3's `hard_sigmoid` under a name of its own."""
        found = self.value(value)
        if found == "hard_sigmoid" and self._producer.family == KERAS_3:
            return HARD_SIGMOID
        if isinstance(found, Mapping) and isinstance(found.get("config"), Mapping):
            return self._layer(str(found["class_name"]), self.arguments(found["config"]))
        return found

    def _layer(self, class_name: str, config: dict[str, Any]) -> dict[str, Any]:
        """Returns a layer that stands for an activation: tf.keras takes one as such."""
        from batchyard.models.saving.foreign.arguments import without_neutral
        from batchyard.models.saving.foreign.layers import rewrite_layer

        class_name, config = rewrite_layer(class_name, config, self._producer)
        return {"class_name": class_name, "config": without_neutral(class_name, config)}

    def _initializer(self, value: Any) -> Any:
        found = self.value(value)
        if isinstance(found, Mapping) and isinstance(found.get("config"), Mapping):
            config = {key: item for key, item in found["config"].items() if key not in _INITIALIZER_EXTRAS}
            if config.get("distribution") in ("truncated_normal", "untruncated_normal"):
                config["distribution"] = "normal"
            found = {**found, "config": config}
        name = found.get("class_name") if isinstance(found, Mapping) else found
        if self._for_inference and isinstance(name, str) and not _is_initializer(name):
            return "zeros"
        return found

    def _of_training(self, key: str, value: Any) -> Any:
        """Returns a regularizer or constraint; None for unknown ones where they do not matter."""
        from batchyard.models.constraints.constraints import constraints
        from batchyard.models.regularizers.regularizers import regularizers

        found = self.value(value)
        name = found.get("class_name") if isinstance(found, Mapping) else found
        known = constraints if key.endswith("_constraint") else regularizers
        if (
            self._for_inference
            and isinstance(name, str)
            and name not in known
            and find_custom_object(name) is None
        ):
            return None
        return found

    def _dtype(self, value: Any, layer: Any) -> Any:
        found = self.value(value)
        if isinstance(found, Mapping):
            if found.get("class_name") not in ("DTypePolicy", "Policy", "PolicyV1"):
                raise InvalidArgumentError(
                    f"Layer {layer!r} has the dtype {found.get('class_name')}, which computes with quantized "
                    "numbers. Save the model before it is quantized."
                )
            found = (found.get("config") or {}).get("name")
        if isinstance(found, str) and found.startswith("mixed_"):
            warnings.warn(
                f"Layer {layer!r} was computed in half precision ({found}); its weights are float32, and "
                "here it computes in float32. Compile with mixed_precision for speed on GPUs.",
                UserWarning,
                stacklevel=8,
            )
            return "float32"
        return None if found in ("_infer", "infer") else found


def _expect_activation(value: Any, argument: str, layer: Any) -> None:
    from batchyard.models.activations.functions import activations

    if isinstance(value, str) and value not in activations and find_custom_object(value) is None:
        near = difflib.get_close_matches(value, list(activations), n=1)
        raise UnknownNameError(
            f"Unknown activation {value!r}: it is the {argument} of layer {layer!r}. "
            f"{f'Did you mean {near[0]!r}? ' if near else ''}Pass the function that it was: "
            f"custom_objects={{{value!r}: function}}."
        )


def _tensor(history: Any) -> Any:
    whole = isinstance(history, list | tuple) and len(history) == 3 and isinstance(history[0], str)
    if not whole or not all(isinstance(one, int) for one in history[1:]):
        raise InvalidArgumentError(
            f"Expected a tensor as [layer, call, place] in keras_history, found {history!r:.100}."
        )
    return Reference(*history)


def _is_initializer(name: str) -> bool:
    from batchyard.models.initializers.initializers import initializers

    return name in initializers or find_custom_object(name) is not None
