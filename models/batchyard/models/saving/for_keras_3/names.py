"""Names that a backend of Keras 3 refuses when the model computes, though the file opens.

Measured with Keras 3.15: TensorFlow takes letters, digits, "_", "-" and "." alone, and no "_" in front of the
model's own; torch takes no "." where weights are named after it; JAX takes all.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from batchyard.models.engine.input_layer import InputLayer
from batchyard.models.engine.sequential import Sequential
from batchyard.models.saving.for_keras_3.operations import is_operation
from batchyard.models.saving.for_keras_3.weights import inner_layers

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.model import Model

__all__ = ["warn_of_names", "with_usable_name"]

_REFUSED = re.compile(r"[^A-Za-z0-9_.-]")


def with_usable_name(described: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """Return a model's description with a name that every backend takes, and say if it is another.

    Nothing in a file refers to the name of the whole model.

    Args:
        described: class and configuration of the model.
        model: that is written.
    """
    name = _REFUSED.sub("_", model.name)
    if isinstance(model, Sequential):
        name = name.replace(".", "_")
    if name[:1] in ("_", "-"):
        name = f"model{name}"
    if name != model.name:
        warnings.warn(
            f"Keras 3 can't predict with a model of the name {model.name!r} on each of its backends, so it "
            f"is written as {name!r}. Set model.name = ... to choose another.",
            UserWarning,
            stacklevel=4,
        )
    return {**described, "config": {**described["config"], "name": name}}


def warn_of_names(model: Model) -> None:
    """Say which layers of a model have names that a backend of Keras 3 refuses; they are kept as they are."""
    layers = [
        layer
        for layer in inner_layers(model)
        if layer is not model and not isinstance(layer, InputLayer) and not is_operation(layer)
    ]
    for_tensorflow = [layer for layer in layers if _REFUSED.search(layer.name)]
    for_torch = [layer for layer in layers if "." in layer.name and layer.weights]
    for backend, refused, what in (
        ("TensorFlow", for_tensorflow, 'letters, digits, "_", "-" and "."'),
        ("torch", for_torch, 'no "."'),
    ):
        if refused:
            warnings.warn(
                f"Keras 3 on {backend} takes {what} in the names of layers, so it opens the file but fails "
                f"to predict with {_some(refused)}. Its other backends predict; for {backend}, set "
                "layer.name = ... before saving.",
                UserWarning,
                stacklevel=4,
            )


def _some(layers: Sequence[Layer]) -> str:
    names = [repr(layer.name) for layer in layers]
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
